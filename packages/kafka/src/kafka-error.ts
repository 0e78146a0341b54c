import { InvalidConfiguration, SyncError, Unavailable } from '@tidemark/core';

/** What kafkajs says, in one line: its class and the broker's error code. Its texts name hosts and topics, no payload and no secret. */
const said = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error);
  const { type } = error as Error & { readonly type?: string };
  return `${error.name}${type === undefined ? '' : ` ${type}`}: ${error.message}`;
};

/**
 * Kafka's own errors pass: a broker that is down comes back, a topic that is missing may be created, a password is put right. Each is
 * told as trouble and tried again. A codec that isn't there doesn't come by waiting. Errors of this SDK stay what they are.
 */
export function asUnavailable(error: unknown, what: string): SyncError {
  if (error instanceof SyncError) return error;
  if (error instanceof Error && error.name === 'KafkaJSNotImplemented')
    return new InvalidConfiguration(
      `${what}: ${error.message}; give kafkajs a codec in its CompressionCodecs before anything is read`,
      { cause: error },
    );
  return new Unavailable(`${what}; ${hint(error)}${said(error)}`, { cause: error });
}

function hint(error: unknown): string {
  const { type, name } = error as { readonly type?: string; readonly name?: string };
  if (type === 'UNKNOWN_TOPIC_OR_PARTITION') return 'a topic does not exist, create it: ';
  if (type?.endsWith('AUTHORIZATION_FAILED') === true) return 'the account lacks a permission: ';
  if (name === 'KafkaJSSASLAuthenticationError') return 'the credentials are refused: ';
  return '';
}
