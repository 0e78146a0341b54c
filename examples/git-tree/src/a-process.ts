import { runSource, startOptions } from '@tidemark-examples/support';
import { type AOptions, openA } from './a-service';

/** How A's process is started: as the service, and the port if it isn't to be any free one. */
export type AProcessOptions = AOptions & { readonly port?: number | undefined };

const options = startOptions() as AProcessOptions;
void runSource(() => openA(options), options.port);
