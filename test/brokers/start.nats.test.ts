import { existsSync } from 'node:fs';
import { type mkdtemp } from 'node:fs/promises';
import { createServer } from 'node:net';
import { natsRequest } from './jest/nats-request';
import { silence } from './jest/silence';
import { itWithOwn } from './jest/tests';
import { startNats } from './nats';
import { natsAnswers } from './nats-answers';
import { freePorts } from './ports';

// as they are, but for what single tests say
function mockSpied(path: string): object {
  const actual = jest.requireActual<Record<string, () => unknown>>(path);
  return Object.fromEntries(Object.entries(actual).map(([name, one]) => [name, jest.fn(one)]));
}
jest.mock('./nats-answers', () => mockSpied('./nats-answers'));
jest.mock('./ports', () => mockSpied('./ports'));
const { natsAnswers: reallyAnswers } = jest.requireActual<{ natsAnswers: typeof natsAnswers }>('./nats-answers');
const versions = itWithOwn('nats').each(['floor', 'current'] as const);

versions('a %s server that doesn’t start says why, and leaves nothing', async (version) => {
  const made = jest.spyOn(jest.requireActual<{ mkdtemp: typeof mkdtemp }>('node:fs/promises'), 'mkdtemp');
  await expect(startNats({ version, config: { max_payload: 'many' } })).rejects.toThrow(
    /^NATS \S+ at \S+ ended with 1; its log ends with:[^]*string, not int64/,
  );
  await expect(startNats({ version, config: { jetsam: true } })).rejects.toThrow('unknown field "jetsam"');
  jest.mocked(natsAnswers).mockRejectedValue(new Error('nobody there'));
  await expect(startNats({ version, withinMs: 300 })).rejects.toThrow(
    "doesn't answer within 300 ms (Error: nobody there)",
  );
  jest.mocked(natsAnswers).mockImplementation(reallyAnswers);
  const directories = await Promise.all(made.mock.results.map(({ value }) => value as Promise<string>));
  made.mockRestore();
  expect(directories.map((one) => existsSync(one))).toEqual([false, false, false]);
});

versions('another port where somebody was faster than the %s server', async (version) => {
  const taken = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  const { port } = taken.address() as { port: number };
  const other = await startNats({ version });
  jest.mocked(freePorts).mockClear();
  jest.mocked(freePorts).mockResolvedValueOnce([port]);
  jest.mocked(freePorts).mockResolvedValueOnce([Number(other.address.split(':')[1])]);
  const server = await startNats({ version });
  try {
    expect(freePorts).toHaveBeenCalledTimes(3);
    expect(server.address).not.toBe(other.address);
    await natsAnswers(server.address);
  } finally {
    await server.stop();
    await other.stop();
    taken.close();
  }
});

versions('the settings of the %s server hold; frozen it answers nobody', async (version) => {
  const who = { user: 'tester', pass: 'a "secret" $of {ours}' };
  const config = {
    max_payload: 100,
    authorization: { user: who.user, password: who.pass },
    jetstream: { max_file_store: 1_000_000 },
  };
  const server = await startNats({ version, config });
  const account = () => natsRequest(server.address, '$JS.API.INFO', '', who);
  const create = (max_bytes: number) =>
    natsRequest(server.address, '$JS.API.STREAM.CREATE.large', JSON.stringify({ name: 'large', max_bytes }), who);
  try {
    expect(await account()).toMatchObject({ streams: 0 });
    expect(await create(2_000_000)).toMatchObject({ error: { err_code: 10_047 } }); // insufficient storage
    await expect(natsRequest(server.address, '$JS.API.INFO', '')).rejects.toThrow('Authorization Violation');
    await expect(natsRequest(server.address, 'any', 'x'.repeat(101), who)).rejects.toThrow('Maximum Payload Violation');
    server.freeze();
    expect(await silence(() => natsAnswers(server.address, 200))).toEqual(new Error('nothing is said within 200 ms'));
    server.thaw();
    expect(await account()).toMatchObject({ streams: 0 });
    server.freeze();
    await server.restart();
    expect(await account()).toMatchObject({ streams: 0 });
  } finally {
    await server.stop();
  }
});
