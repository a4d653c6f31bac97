/** `countersign serve | webhook | controller | records`: parts of the program, until SIGTERM or SIGINT. */
import { once } from 'node:events';
import type { Command } from 'commander';
import { jsonLog } from '../adapters/log/json-log.ts';
import { exitCodes, type ExitCode } from './exit-codes.ts';
import { servingFlags } from './flags.ts';
import { parseServingConfig, type RawServingFlags, type ServingCommand, type ServingConfig } from './serving/config.ts';
import { print, type Terminal } from './terminal.ts';
import { UsageError } from './usage-error.ts';

interface ServingFlags extends RawServingFlags {
  readonly printConfig?: true;
}

const descriptions: Readonly<Record<ServingCommand, string>> = {
  serve: 'webhook, controller, records and console in one process',
  webhook: 'run the admission webhook',
  controller: 'run what writes into the cluster: status, certificates, registration, reports; one replica leads',
  records: 'run the console and the records API over a database that webhooks deliver to',
};

export function addServingCommands(program: Command, terminal: Terminal, exit: (code: ExitCode) => void): void {
  // Object.keys forgets which keys there are.
  for (const name of Object.keys(descriptions) as ServingCommand[]) {
    servingFlags(program.command(name).description(descriptions[name])).action(async (flags: ServingFlags) => {
      const config = parseServingConfig(name, flags);
      if (!config.ok) throw new UsageError(config.failure.join('\n'));
      if (flags.printConfig === true) print(terminal, 'yaml', printable(config.value), () => '');
      else exit(await serve(name, config.value));
    });
  }
}

async function serve(name: ServingCommand, config: ServingConfig): Promise<ExitCode> {
  // The client of the cluster takes longer to load than other commands take as a whole.
  const { startServing } = await import('./serving/start.ts');
  const log = jsonLog();
  try {
    const told = toldToStop();
    const running = await startServing(config, log);
    log.info({ command: name, ...running.address, console: running.console }, 'serves');
    log.info({ signal: await told }, 'stops');
    await running.close();
    return exitCodes.ok;
  } finally {
    log.flush();
  }
}

/** Certificates of registries are public and long; a password may stand in the URL of a database. */
function printable(config: ServingConfig): object {
  const { records, registry } = config;
  const shown = records && { ...records, database: records.database.replace(/(:\/\/[^:/@]*:)[^@]*@/, '$1***@') };
  return { ...config, registry: { ...registry, ca: [...registry.ca.keys()] }, ...(shown && { records: shown }) };
}

/** From the first moment: a signal during the start is not lost, and a second one ends the process as usual. */
async function toldToStop(): Promise<string> {
  const stopped = new AbortController();
  const wait = async (signal: 'SIGTERM' | 'SIGINT'): Promise<string> => {
    await once(process, signal, { signal: stopped.signal });
    return signal;
  };
  const signal = await Promise.race([wait('SIGTERM'), wait('SIGINT')]);
  stopped.abort();
  return signal;
}
