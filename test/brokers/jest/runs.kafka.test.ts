import { addressOf } from './tests';
import { nestedRun } from './nested-run';

const kafka = ['--selectProjects', 'kafka', '--testPathPatterns', 'brokers/kafka.kafka.test'];
const reason = 'NOT TESTED: kafka: what needs a broker of its own: no Java found';

it('a broker that was there before is used, never ended; what needs to end one is left out aloud', async () => {
  const { code, out } = await nestedRun(kafka, { TIDEMARK_KAFKA: addressOf('kafka') });
  expect(out).toContain('Tests:       1 skipped, 1 passed, 2 total');
  expect(out).toContain(`\n${reason}`);
  expect(code).toBe(0);
});

it('with CI=true it has to be possible', async () => {
  const { code, out } = await nestedRun(kafka, { TIDEMARK_KAFKA: addressOf('kafka'), CI: 'true' });
  expect(out).toContain(reason);
  expect(code).toBe(1);
});
