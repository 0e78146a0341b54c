import { join } from 'node:path';
import { type BOptions } from '../chaos/b-process';
import { Process } from '../chaos/process';

/** An instance of service B: a real process, which can really be killed. */
export class ServiceB extends Process {
  constructor(
    url: string,
    readonly file: string,
    more: Partial<Pick<BOptions, 'broker' | 'service' | 'owner'>> = {},
  ) {
    const options: BOptions = { broker: 'embedded', url, file, ...more };
    super(join(__dirname, '../dist/chaos/b-process.js'), options);
  }
}
