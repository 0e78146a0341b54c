import { itWithOwn } from './jest/tests';
import { upAndDown } from './jest/up-and-down';
import { natsVersions } from './nats-servers';

itWithOwn('nats')('npm run brokers: up, still up, its status, down', () =>
  upAndDown('nats', [`nats-server-${natsVersions.current}`]),
);
