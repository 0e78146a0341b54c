/** Runs TLC on one module and configuration, and reads what it says. */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { setPriority, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import process from 'node:process';

const spec = resolve(import.meta.dirname, '../../docs/spec');

/** TLC's exit codes for a model that was checked through, and for one that was found wrong. */
const verdicts = new Map([
  [0, 'holds'],
  [12, 'violated'],
  [13, 'violated'], // a temporal property
]);

/**
 * One worker: so that a counter-example is a shortest one.
 * @param {{ jar: string, module: string, config: string, quick?: boolean }} what `config`: the text of a .cfg file; `quick`: a short run
 * @returns what TLC found: `holds`, or `violated` with the property and the steps of the counter-example
 */
export async function tlc({ jar, module, config, quick }) {
  const own = mkdtempSync(join(tmpdir(), 'tidemark-model-'));
  const leaveNothing = () => rmSync(own, { recursive: true, force: true });
  process.once('exit', leaveNothing);
  try {
    mkdirSync(join(own, 'tmp'));
    writeFileSync(join(own, 'model.cfg'), config);
    const java = [
      ...['-XX:+UseSerialGC', '-Xmx3g', ...(quick ? ['-XX:TieredStopAtLevel=1'] : [])],
      `-Djava.io.tmpdir=${join(own, 'tmp')}`,
      ...['-cp', jar, 'tlc2.TLC', '-deadlock', '-cleanup', '-workers', '1', '-fp', '0'],
      ...['-metadir', join(own, 'states'), '-config', join(own, 'model.cfg'), module],
    ];
    const began = Date.now();
    const { code, text } = await output('java', java, spec);
    const verdict = verdicts.get(code);
    if (verdict === undefined) throw new Error(`TLC failed with exit code ${code}:\n${text}`);
    return { verdict, ...read(text), seconds: (Date.now() - began) / 1_000, text };
  } finally {
    process.off('exit', leaveNothing);
    leaveNothing();
  }
}

function output(command, args, cwd) {
  return new Promise((done, failed) => {
    const child = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    const kill = () => child.kill('SIGKILL');
    process.prependOnceListener('exit', kill);
    child.once('error', failed);
    child.once('spawn', () => {
      setPriority(child.pid, 15); // whoever waits for the rest of the tests goes first
    });
    let text = '';
    const listen = (chunk) => {
      text += chunk;
    };
    child.stdout.setEncoding('utf8').on('data', listen);
    child.stderr.setEncoding('utf8').on('data', listen);
    child.once('close', (code) => {
      process.off('exit', kill);
      done({ code, text });
    });
  });
}

function read(text) {
  const distinct = /^[\d,]+ states generated, ([\d,]+) distinct/m.exec(text)?.[1];
  const depth = /depth of the complete state graph search is (\d+)/.exec(text)?.[1];
  const broken = /^Error: (?:Invariant|Action property) (\w+) is violated/m.exec(text)?.[1];
  const temporal = /^Error: Temporal properties were violated/m.test(text) ? 'NoDeadEnd' : undefined;
  const steps = [...text.matchAll(/^State \d+: <(\w+) line/gm)].map(([, action]) => action);
  return { states: number(distinct), depth: number(depth), broken: broken ?? temporal, steps };
}

const number = (text) => (text === undefined ? undefined : Number(text.replaceAll(',', '')));
