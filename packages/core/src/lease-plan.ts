import { type Lease } from './lease-store';

/** How the leases stand, as one instance sees them. */
export interface LeaseView {
  /** Of the partitions that the log has. */
  readonly keys: readonly string[];
  readonly leases: ReadonlyMap<string, Lease>;
  /** Keys whose owner has let them stand still. */
  readonly expired: ReadonlySet<string>;
  readonly me: string;
}

/**
 * Which keys to take now, as KCL 2 does. Each instance aims at ceil(keys / instances that live). What nobody has comes first; when
 * everything has an owner, one is stolen from the most loaded, if it has at least two more: so stealing ends, within one.
 */
export function planLeases({ keys, leases, expired, me }: LeaseView, random: () => number): readonly string[] {
  const owned = new Map<string, string[]>([[me, []]]);
  const free: string[] = [];
  for (const key of keys) {
    const owner = leases.get(key)?.owner;
    if (owner === undefined || (owner !== me && expired.has(key))) {
      free.push(key);
      continue;
    }
    const others = owned.get(owner);
    if (others === undefined) owned.set(owner, [key]);
    else others.push(key);
  }
  const mine = owned.get(me)?.length ?? 0;
  const wanted = Math.ceil(keys.length / owned.size) - mine;
  if (wanted <= 0) return [];
  if (free.length > 0) return shuffled(free, random).slice(0, wanted);
  const most = Math.max(...[...owned.values()].map(({ length }) => length));
  if (most - mine < 2) return [];
  const victims = [...owned.values()].filter(({ length }) => length === most);
  const [victim = []] = shuffled(victims, random);
  return shuffled(victim, random).slice(0, 1);
}

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const left = [...items];
  return items.flatMap(() => left.splice(Math.floor(random() * left.length), 1));
}
