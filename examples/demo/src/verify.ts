import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { differences, linesOf, ndjson, oracleDifferences } from './compare';
import { type World } from './world';

/** Both sides read anew from their databases: how many rows, and everything that isn't as it must be. `dump` gets both as sorted NDJSON. */
export async function verify(world: World, dump: string | undefined): Promise<{ rows: number; different: string[] }> {
  const [source, replica] = [linesOf(world.sourceRows(), world.key), linesOf(world.replicaRows(), world.key)];
  if (dump !== undefined) {
    mkdirSync(dump, { recursive: true });
    writeFileSync(join(dump, 'source.ndjson'), ndjson(source));
    writeFileSync(join(dump, 'replica.ndjson'), ndjson(replica));
  }
  const different = differences(source, replica);
  for (const oracle of world.oracles)
    different.push(...(await oracleDifferences(oracle, world.replicaRows(), world.key)));
  const again = world.toldAgain();
  if (world.exact && again > 0) different.push(`${again} updates came after a snapshot that had them`);
  return { rows: replica.size, different };
}
