import { type NatsConnection } from '@tidemark/nats';

/** The connection, and what has come over it: messages of streams, by what they say in their reply subject. */
export function counting(given: NatsConnection) {
  let received = 0;
  let biggest = 0;
  let lastAt = 0;
  const connection = new Proxy(given, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (name === 'publish')
        return (subject: string, payload: string, options?: object) => {
          if (subject.startsWith('$JS.API.CONSUMER.MSG.NEXT.'))
            biggest = Math.max(biggest, (JSON.parse(payload) as { batch: number }).batch);
          target.publish(subject, payload, options);
        };
      if (name === 'subscribe')
        return ((subject, options) =>
          target.subscribe(subject, {
            callback(error, message) {
              if (message.reply?.startsWith('$JS.ACK.') === true) {
                received++;
                lastAt = performance.now();
              }
              options?.callback?.(error, message);
            },
          })) satisfies NatsConnection['subscribe'];
      return typeof value === 'function' ? (value as () => unknown).bind(target) : value;
    },
  });
  return {
    connection,
    received: () => received,
    /** Messages of the biggest pull. */
    biggestPull: () => biggest,
    /** Has nothing come for a moment? */
    idle: () => performance.now() - lastAt > 20,
  };
}
