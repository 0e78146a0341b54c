import { existsSync } from 'node:fs';
import process from 'node:process';
import { natsRequest } from './jest/nats-request';
import { addressOf, itWithOwn } from './jest/tests';
import { startNats } from './nats';
import { natsAnswers } from './nats-answers';
import { natsVersions } from './nats-servers';
import { isFree } from './ports';

async function write(address: string, stream: string, value: string): Promise<void> {
  const layout = JSON.stringify({ name: stream, subjects: [stream], storage: 'file' });
  expect(await natsRequest(address, `$JS.API.STREAM.CREATE.${stream}`, layout)).not.toHaveProperty('error');
  expect(await natsRequest(address, stream, value)).toEqual({ stream, seq: 1 });
}

/** The first message of the stream. */
async function read(address: string, stream: string): Promise<string> {
  const answer = await natsRequest(address, `$JS.API.STREAM.MSG.GET.${stream}`, '{"seq":1}');
  const { message } = answer as { message: { data: string } };
  return Buffer.from(message.data, 'base64').toString();
}

it('the run has a server, which takes and gives a message', async () => {
  const stream = `shared-${process.pid}-${Date.now()}`;
  await write(addressOf('nats'), stream, 'one');
  expect(await read(addressOf('nats'), stream)).toBe('one');
});

itWithOwn('nats').each(['floor', 'current'] as const)(
  'the %s server: what was written is there after a kill and a restart; stopped, nothing is left',
  async (version) => {
    const server = await startNats({ version });
    const { address, directory, pid } = server;
    try {
      const { serverName } = await natsAnswers(address);
      await write(address, 'kept', 'one');
      await server.kill();
      await expect(natsAnswers(address)).rejects.toThrow('ECONNREFUSED');
      await server.restart();
      expect(server.address).toBe(address);
      expect(server.pid).not.toBe(pid);
      expect(await natsAnswers(address)).toEqual({ serverName, version: server.version });
      expect(await read(address, 'kept')).toBe('one');
      await server.restart(); // of one that lives
      expect(await read(address, 'kept')).toBe('one');
    } finally {
      await server.stop();
    }
    expect(existsSync(directory)).toBe(false);
    expect(await isFree(Number(address.split(':')[1]))).toBe(true);
    expect(() => process.kill(server.pid, 0)).toThrow('ESRCH');
  },
);

itWithOwn('nats')('both versions, and several of each, live beside each other', async () => {
  const started = await Promise.all(
    (['floor', 'current', 'floor', 'current'] as const).map((version) => startNats({ version })),
  );
  try {
    const versions = started.map(({ version }) => version);
    expect([versions[0], versions[2]]).toEqual([natsVersions.floor, natsVersions.floor]);
    const [wanted, found] = [natsVersions.current, versions[1]].map((one) => one?.split('.').map(Number));
    expect(found?.[0]).toBe(wanted?.[0]);
    expect(found?.[1]).toBeGreaterThanOrEqual(wanted?.[1] ?? Infinity);
    expect(new Set(started.map(({ address }) => address)).size).toBe(4);
    await Promise.all(started.map(({ address }, i) => write(address, 'own', String(i))));
    expect(await Promise.all(started.map(({ address }) => read(address, 'own')))).toEqual(['0', '1', '2', '3']);
  } finally {
    await Promise.all(started.map((one) => one.stop()));
  }
});
