import { InvalidConfiguration, Unavailable } from '@tidemark/core';
import { Link } from '../src/connection';
import { JetStream } from '../src/jetstream';
import { asUnavailable, isRefusal, JetStreamRefused, refusals } from '../src/nats-error';
import { FakeConnection } from './fake-connection';

const clientError = (message: string, code?: string) => Object.assign(new Error(message), { code });

it.each([
  [new JetStreamRefused(refusals.noStream, 'stream not found'), /create the stream/],
  [clientError('503', '503'), /JetStream is not enabled/],
  [clientError('no responders: $JS.API.STREAM.INFO.S'), /JetStream is not enabled/],
  [clientError('Permissions Violation for Publish to "$JS.API.STREAM.INFO.S"'), /lacks a permission.*STREAM\.INFO/],
  [clientError('Authorization Violation'), /credentials are refused/],
  [clientError('TIMEOUT'), /TIMEOUT/],
  ['a text', /a text/],
  [undefined, /undefined/],
])('%s passes, and says what to do', (error, text) => {
  const made = asUnavailable(error, 'stream S can not be read');
  expect(made).toBeInstanceOf(Unavailable);
  expect(made.message).toMatch(/^stream S can not be read; /);
  expect(made.message).toMatch(text);
  expect(made).toMatchObject({ retryable: true, cause: error });
});

it("this SDK's own errors stay what they are", () => {
  const error = new InvalidConfiguration('no');
  expect(asUnavailable(error, 'stream S')).toBe(error);
});

it('a refusal is known by its number', () => {
  expect(isRefusal(new JetStreamRefused(10037, 'no message found'), refusals.noMessage)).toBe(true);
  expect(isRefusal(new JetStreamRefused(10059, 'stream not found'), refusals.noMessage)).toBe(false);
  expect(isRefusal(clientError('no message found', '10037'), refusals.noMessage)).toBe(false);
});

it('a subject that holds a key is left out', () => {
  const error = clientError('Permissions Violation for Publish to "shop.orders.canary"');
  expect(asUnavailable(error, 'publishing').message).not.toMatch(/canary/);
});

it.each(['{"message": "canary', 'canary', 'null', '"canary"', ''])(
  'an answer that is none of JetStream is not quoted: %j',
  async (text) => {
    const connection = new FakeConnection();
    connection.request = async () => ({ subject: 'x', data: Buffer.from(text) });
    const link = new Link(connection);
    const error: Unavailable = await new JetStream(link).stream('S').then(
      () => Promise.reject(new Error('it was taken')),
      (thrown: unknown) => thrown as Unavailable,
    );
    expect(error).toBeInstanceOf(Unavailable);
    expect(`${error.message} ${String(error.cause)}`).not.toMatch(/canary/);
    await link.close();
  },
);
