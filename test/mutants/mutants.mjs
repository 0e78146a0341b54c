import { bootstrap } from './list/bootstrap.mjs';
import { following } from './list/following.mjs';
import { http } from './list/http.mjs';
import { leases } from './list/leases.mjs';
import { logs } from './list/logs.mjs';
import { nats } from './list/nats.mjs';
import { replicas } from './list/replicas.mjs';
import { sqlite } from './list/sqlite.mjs';
import { versions } from './list/versions.mjs';

/** Every mutant there is. @type {readonly import('./mutant.mjs').Mutant[]} */
export const mutants = [
  ...bootstrap,
  ...following,
  ...logs,
  ...replicas,
  ...versions,
  ...sqlite,
  ...http,
  ...leases,
  ...nats,
];
