/** What can't be had on this machine; the message says how to get it. */
export class Unavailable extends Error {
  override readonly name = 'Unavailable';
}
