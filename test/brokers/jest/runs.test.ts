import { nestedRun } from './nested-run';

const kafka = ['--selectProjects', 'kafka', '--testPathPatterns', 'brokers/kafka.kafka.test'];
const noJava = 'no Java found: get Java 17 or newer; for example: apt-get install default-jre-headless';

it('without the broker its tests are left out, and the end of the run says so', async () => {
  const { code, out } = await nestedRun(kafka);
  expect(out).toContain('Tests:       2 skipped, 2 total');
  expect(out.trimEnd().endsWith(`\nNOT TESTED: kafka: ${noJava}`)).toBe(true);
  expect(code).toBe(0);
});

it('with CI=true the run fails', async () => {
  const { code, out } = await nestedRun(kafka, { CI: 'true' });
  expect(out).toContain(`NOT TESTED: kafka: ${noJava}`);
  expect(code).toBe(1);
});

it('what TIDEMARK_BROKERS leaves out is told, and no failure', async () => {
  const { code, out } = await nestedRun(kafka, { CI: 'true', TIDEMARK_BROKERS: '' });
  expect(out.trimEnd().endsWith('\nNOT TESTED: kafka: left out by TIDEMARK_BROKERS=')).toBe(true);
  expect(code).toBe(0);
});

it('an address where nothing answers fails the run', async () => {
  const { code, out } = await nestedRun(kafka, { TIDEMARK_KAFKA: '127.0.0.1:1' });
  expect(out).toContain('nothing answers at TIDEMARK_KAFKA=127.0.0.1:1');
  expect(code).toBe(1);
});

it('a run of other projects needs no broker', async () => {
  const unit = ['--selectProjects', 'unit', 'kafka', '--testPathPatterns', 'core/test/offset.test'];
  const { code, out } = await nestedRun(unit, { CI: 'true' });
  expect(out).toMatch(/PASS unit/);
  expect(out).not.toContain('NOT TESTED');
  expect(code).toBe(0);
});
