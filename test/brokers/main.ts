/** `npm run brokers -- up|down|status [kafka] [nats]…`: real brokers for development, which stay until they are ended. */
import process from 'node:process';
import { brokerNamed, brokerNames, chosenBrokers } from './brokers';
import { down, status, up } from './development';
import { Unavailable } from './unavailable';

const commands = { up, down, status };
const usage = `npm run brokers -- ${Object.keys(commands).join('|')} [${brokerNames.join('] [')}]…`;

async function main([command = '', ...names]: readonly string[]): Promise<void> {
  if (!Object.hasOwn(commands, command)) throw new Unavailable(usage);
  const chosen = names.length === 0 ? chosenBrokers() : names.map(brokerNamed);
  for (const name of chosen) process.stdout.write(`${await commands[command as keyof typeof commands](name)}\n`);
}

main(process.argv.slice(2)).catch((error: unknown) => {
  process.exitCode = 1;
  process.stderr.write(`${error instanceof Unavailable ? error.message : String(error)}\n`);
});
