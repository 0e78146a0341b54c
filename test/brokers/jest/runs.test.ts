import { nestedRun } from './nested-run';

const testsOf = (name: string) => ['--selectProjects', name, '--testPathPatterns', `brokers/${name}.${name}.test`];

describe.each([
  ['kafka', 2, 'no Java found: get Java 17 or newer; for example: apt-get install default-jre-headless'],
  [
    'nats',
    4,
    'no nats-server 2.15.2 (on PATH: none; go install: no go found): ' +
      'put a server from github.com/nats-io/nats-server/releases on PATH, or get Go 1.26 (1.21 and newer fetch it)',
  ],
])('%s', (name, count, missing) => {
  it('without the broker its tests are left out, and the end of the run says so', async () => {
    const { code, out } = await nestedRun(testsOf(name));
    expect(out).toContain(`Tests:       ${count} skipped, ${count} total`);
    expect(out.trimEnd().endsWith(`\nNOT TESTED: ${name}: ${missing}`)).toBe(true);
    expect(code).toBe(0);
  });

  it('with CI=true the run fails', async () => {
    const { code, out } = await nestedRun(testsOf(name), { CI: 'true' });
    expect(out).toContain(`NOT TESTED: ${name}: ${missing}`);
    expect(code).toBe(1);
  });

  it('what TIDEMARK_BROKERS leaves out is told, and no failure', async () => {
    const { code, out } = await nestedRun(testsOf(name), { CI: 'true', TIDEMARK_BROKERS: '' });
    expect(out.trimEnd().endsWith(`\nNOT TESTED: ${name}: left out by TIDEMARK_BROKERS=`)).toBe(true);
    expect(code).toBe(0);
  });

  it('an address where nothing answers fails the run', async () => {
    const variable = `TIDEMARK_${name.toUpperCase()}`;
    const { code, out } = await nestedRun(testsOf(name), { [variable]: '127.0.0.1:1' });
    expect(out).toContain(`nothing answers at ${variable}=127.0.0.1:1`);
    expect(code).toBe(1);
  });
});

it('a run of other projects needs no broker', async () => {
  const unit = ['--selectProjects', 'unit', 'kafka', 'nats', '--testPathPatterns', 'core/test/offset.test'];
  const { code, out } = await nestedRun(unit, { CI: 'true' });
  expect(out).toMatch(/PASS unit/);
  expect(out).not.toContain('NOT TESTED');
  expect(code).toBe(0);
});
