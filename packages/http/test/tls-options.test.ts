import { inspect } from 'node:util';
import { durableStreams } from '../src/feed-durable-streams';
import { httpFeed } from '../src/http-feed';
import { httpSnapshot } from '../src/http-snapshot';
import { type ClientTls } from '../src/tls-options';
import { authority } from './tls-certificates';

const root = authority('root');
const [one, two] = [root.issue({ dns: ['a.example'] }), root.issue({ dns: ['b.example'] })];
const url = 'https://a.example/?token=canary';
const makers = [
  (tls: ClientTls) => httpSnapshot(url, { tls }),
  (tls: ClientTls) => httpFeed(url, { topics: ['orders'], tls }),
  (tls: ClientTls) => durableStreams({ streams: { orders: [url] }, tls }),
];

describe('the option `tls`', () => {
  it.each<[string, ClientTls]>([
    ['`ca` holds no PEM', { ca: '' }],
    ['`ca` holds no PEM', { ca: 'canary' }],
    ['`ca` holds no PEM', { ca: [root.ca, Buffer.from('canary')] }],
    ['`ca` is empty', { ca: [] }],
    ['go together', { cert: one.cert }],
    ['go together', { key: one.key }],
    ['`cert` holds no PEM', { cert: '', key: '' }],
    ['`cert` holds no PEM', { cert: one.key, key: one.key }],
    ['`key` holds no PEM', { cert: one.cert, key: 'canary' }],
    ['not the private key of', { cert: one.cert, key: two.key }],
    ['`servername` is empty', { servername: '' }],
    ['`pins` is empty', { pins: [] }],
    ['a pin is', { pins: ['canary'] }],
    ['a pin is', { pins: [one.pin, `sha256/${one.pin}`] }],
    ['a pin is', { pins: [Buffer.from(one.pin, 'base64').toString('hex')] }],
    ['an identity is', { identity: '' }],
    ['an identity is', { identity: 'https://a.example/canary' }],
    ['an identity is', { identity: 'spiffe://a.example/canary?x' }],
    ['an identity is', { identity: '*.a.example' }],
  ])('that can not work is refused at once, without a word of it: %s', (says, tls) => {
    for (const make of makers) {
      let thrown: unknown;
      try {
        make(tls);
      } catch (error) {
        thrown = error;
      }
      expect(thrown).toMatchObject({ code: 'INVALID_CONFIGURATION' });
      expect((thrown as Error).cause).toBeUndefined();
      expect(String(thrown)).toContain(says);
      expect(inspect(thrown)).not.toMatch(/canary|BEGIN/);
    }
  });

  it('is refused where it would protect nothing', () => {
    const tls = { ca: root.ca };
    const code = expect.objectContaining({ code: 'INVALID_CONFIGURATION' }) as Error;
    expect(() => httpSnapshot('http://a.example/', { tls })).toThrow(code);
    expect(() => httpFeed('http://a.example/', { topics: ['orders'], tls: () => tls })).toThrow(code);
    expect(() => durableStreams({ streams: { orders: ['http://a.example/'] }, tls })).toThrow(code);
  });
});
