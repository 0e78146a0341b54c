import { InvalidConfiguration } from '@tidemark/core';

/**
 * Where a topic's records are, and where in their subjects the key stands: in the place of a wildcard at the end. With `y.orders.*` or
 * `y.orders.>` the key `42` is in `y.orders.42`. What a token can't hold is percent-encoded: spaces, dots, wildcards, all but ASCII.
 */
export class SubjectPattern {
  private readonly tokens: readonly string[];
  /** What is before the key, where nothing else is variable. */
  private readonly prefix: string | undefined;

  constructor(readonly text: string) {
    this.tokens = text.split('.');
    const inner = this.tokens.slice(0, -1);
    if (/\s/.test(text) || this.tokens.includes('') || inner.includes('>'))
      throw new InvalidConfiguration(`${JSON.stringify(text)} is no subject of NATS`);
    this.prefix = this.hasKey && !inner.includes('*') ? text.slice(0, -1) : undefined;
  }

  /** `undefined`: the subject isn't one of these, or has no place for a key. */
  keyIn(subject: string): string | undefined {
    if (!this.hasKey) return undefined;
    const rest = this.prefix === undefined ? this.restOf(subject.split('.')) : restAfter(this.prefix, subject);
    if (rest === undefined || rest === '' || (this.tokens.at(-1) === '*' && rest.includes('.'))) return undefined;
    return textOf(rest);
  }

  /** Rejects with `InvalidConfiguration` where the key has no place. */
  subjectOf(key: string): string {
    if (this.prefix === undefined)
      throw new InvalidConfiguration(
        `nothing can be published to ${this.text}: the key needs a wildcard at the end, the only one`,
      );
    return this.prefix + tokenOf(key);
  }

  /** What stands in the last place and behind it. */
  private restOf(tokens: readonly string[]): string | undefined {
    const last = this.tokens.length - 1;
    const matches = this.tokens.every((token, i) => i === last || token === '*' || token === tokens[i]);
    return matches ? tokens.slice(last).join('.') : undefined;
  }

  private get hasKey(): boolean {
    const last = this.tokens.at(-1);
    return last === '*' || last === '>';
  }
}

const restAfter = (prefix: string, subject: string): string | undefined =>
  subject.startsWith(prefix) ? subject.slice(prefix.length) : undefined;

/** No text is encoded so: it stands for the empty one, since a token can't be empty. */
const empty = '%';

function tokenOf(key: string): string {
  if (key === '') return empty;
  if (plain.test(key)) return key;
  try {
    return encodeURIComponent(key).replaceAll('.', '%2E').replaceAll('*', '%2A');
  } catch (error) {
    throw new InvalidConfiguration('a key is no well-formed text: it has half of a surrogate pair', { cause: error });
  }
}

const plain = /^[\w-]+$/;

/** What somebody else has published may hold a percent sign of its own: that is taken as it is. */
function textOf(token: string): string {
  if (token === empty) return '';
  if (!token.includes('%')) return token;
  try {
    return decodeURIComponent(token);
  } catch {
    return token;
  }
}
