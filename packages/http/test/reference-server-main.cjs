const { DurableStreamTestServer } = require('@durable-streams/server');

const server = new DurableStreamTestServer({ port: 0, dataDir: process.argv[2], longPollTimeout: 500 });
server.start().then((url) => process.send(url));
process.on('disconnect', () => process.exit());
