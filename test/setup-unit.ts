// for a busy machine: what is waited for has a deadline of its own, shorter than this and with a better message
jest.setTimeout(30_000);
