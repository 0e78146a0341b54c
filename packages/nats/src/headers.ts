import { InvalidConfiguration } from '@tidemark/core';

/** Headers of a message to be sent. Both clients take anything that encodes itself so. */
export class Headers {
  private block = 'NATS/1.0\r\n';

  /** Throws `InvalidConfiguration` for what a header of NATS can't carry unchanged. */
  add(name: string, value: string): this {
    if (!/^[!-9;-~]+$/.test(name))
      throw new InvalidConfiguration(`${JSON.stringify(name)} is no name of a NATS header`);
    if (/[\r\n]|\p{Surrogate}/u.test(value) || value.trim() !== value)
      throw new InvalidConfiguration(
        `the header ${name} has line breaks, half of a surrogate pair, or white space at an end, which NATS would not keep`,
      );
    this.block += `${name}: ${value}\r\n`;
    return this;
  }

  encode(): Uint8Array {
    return Buffer.from(`${this.block}\r\n`);
  }
}
