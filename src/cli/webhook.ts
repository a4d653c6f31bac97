/** `countersign webhook`: the admission webhook, until SIGTERM or SIGINT. */
import { once } from 'node:events';
import type { Command } from 'commander';
import { jsonLog } from '../adapters/log/json-log.ts';
import { parseWebhookConfig, type RawWebhookFlags } from '../config.ts';
import { exitCodes, type ExitCode } from './exit-codes.ts';
import { webhookFlags } from './flags.ts';
import { print, type Terminal } from './terminal.ts';
import { UsageError } from './usage-error.ts';

interface WebhookFlags extends RawWebhookFlags {
  readonly printConfig?: true;
}

export function addWebhookCommand(program: Command, terminal: Terminal, exit: (code: ExitCode) => void): void {
  const command = program.command('webhook').alias('serve').description('run the admission webhook');
  webhookFlags(command).action(async (flags: WebhookFlags) => {
    const config = parseWebhookConfig(flags);
    if (!config.ok) throw new UsageError(config.failure.join('\n'));
    if (flags.printConfig === true) {
      // Certificates of registries are public; nothing else in here is read from a file.
      print(
        terminal,
        'yaml',
        { ...config.value, registry: { ...config.value.registry, ca: [...config.value.registry.ca.keys()] } },
        () => '',
      );
      return;
    }
    // The client of the cluster takes longer to load than other commands take as a whole.
    const { startWebhook } = await import('./start-webhook.ts');
    const log = jsonLog();
    try {
      const told = toldToStop();
      const webhook = await startWebhook(config.value, log);
      log.info({ ...webhook.address }, 'webhook serves');
      log.info({ signal: await told }, 'webhook stops');
      await webhook.close();
      exit(exitCodes.ok);
    } finally {
      log.flush();
    }
  });
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
