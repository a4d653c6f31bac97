/**
 * The program as `countersign webhook` starts it, or with a cluster as `countersign serve` does, in a process that also
 * listens to its own event loop on demand.
 */
import { Command } from 'commander';
import { jsonLog } from '../../src/adapters/log/json-log.ts';
import { servingFlags } from '../../src/cli/flags.ts';
import { parseServingConfig, type RawServingFlags } from '../../src/cli/serving/config.ts';
import { startServing } from '../../src/cli/serving/start.ts';
import { answerQuestions, tell, workDone } from './child.ts';
import { listenClosely, type Probe } from './event-loop-probe.ts';

type WebhookQuestion = 'begin listening' | 'deafness' | 'work' | 'memory';

/** Bytes of the process. */
export interface Memory {
  readonly rss: number;
  readonly peak: number;
  readonly heapUsed: number;
}

const [, , folder = '', registry = '', ...policies] = process.argv;
/** What is not said here is as in production. */
const said: Record<string, string> = {
  '--listen': '127.0.0.1:0',
  '--decision-log': `${folder}/decisions-${process.pid}.jsonl`,
  '--tls-cert': `${folder}/tls.crt`,
  '--tls-key': `${folder}/tls.key`,
  '--insecure-registry': registry,
  '--database': `${folder}/records-${process.pid}.sqlite`,
  '--console-listen': '127.0.0.1:0',
  '--console-local': '127.0.0.1:0',
};
const command = policies.includes('--kubeconfig') ? 'serve' : 'webhook';
if (command === 'webhook') delete said['--database'];
const args = [...Object.entries(said).flat(), ...policies];
const flags = servingFlags(new Command()).parse(args, { from: 'user' }).opts<RawServingFlags>();
const config = parseServingConfig(command, flags);
if (!config.ok) throw new Error(config.failure.join('; '));
const webhook = await startServing(config.value, jsonLog());

let probe: Probe | undefined;
answerQuestions(async ({ about }: { readonly about: WebhookQuestion }): Promise<object> => {
  switch (about) {
    case 'begin listening':
      probe = listenClosely();
      return {};
    case 'deafness':
      return probe?.stop() ?? {};
    case 'work':
      return workDone();
    case 'memory':
      return memory();
  }
});
tell({ port: webhook.address.port });

function memory(): Memory {
  // getrusage(2) counts in kilobytes.
  return { ...process.memoryUsage(), peak: process.resourceUsage().maxRSS * 1024 };
}
