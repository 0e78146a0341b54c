import { addressOf } from './tests';
import { nestedRun } from './nested-run';

const nats = ['--selectProjects', 'nats', '--testPathPatterns', 'brokers/nats.nats.test'];
const reason = 'NOT TESTED: nats: what needs a broker of its own: no nats-server 2.9.10 (on PATH: none;';

it('a server that was there before is used, never ended; what needs to start one is left out aloud', async () => {
  const { code, out } = await nestedRun(nats, { TIDEMARK_NATS: addressOf('nats') });
  expect(out).toContain('Tests:       3 skipped, 1 passed, 4 total');
  expect(out).toContain(`\n${reason}`);
  expect(code).toBe(0);
});

it('with CI=true it has to be possible', async () => {
  const { code, out } = await nestedRun(nats, { TIDEMARK_NATS: addressOf('nats'), CI: 'true' });
  expect(out).toContain(reason);
  expect(code).toBe(1);
});
