/** A reason for aborts inside, which nobody looks at: to make an `AbortError` costs more than all else that a wait does. */
export const nobodyAsks = new DOMException('This operation was aborted', 'AbortError');

/** Rejects with the signal's reason once it aborts; never resolves. */
export function aborted(signal: AbortSignal): Promise<never> {
  return orAborted(new Promise<never>(() => undefined), signal);
}

/** `work`, or a rejection with the signal's reason, whichever comes first. Leaves no listener behind. */
export function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const onAbort = () => {
      reject(signal.reason);
    };
    if (signal.aborted) {
      work.catch(() => undefined); // nobody waits for it any more
      onAbort();
      return;
    }
    signal.addEventListener('abort', onAbort, { once: true });
    work.then(
      (value) => {
        signal.removeEventListener('abort', onAbort);
        resolve(value);
      },
      (error: unknown) => {
        signal.removeEventListener('abort', onAbort);
        reject(error);
      },
    );
  });
}
