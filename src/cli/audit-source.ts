/** Where `countersign audit` reads decisions: a decision log, a database, or the records API of an installation. */
import { statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { decisionLogFiles } from '../adapters/decision-log/lines.ts';
import { forwardToPod } from '../adapters/kubernetes/forward-to-pod.ts';
import { loadKubeConfig } from '../adapters/kubernetes/kube-config.ts';
import { recordsClient, type RecordsClient } from '../adapters/records-api/records-client.ts';
import { defined } from '../kernel/defined.ts';
import type { Result } from '../kernel/result.ts';
import type { ActionHistory } from '../ports/action-history.ts';
import type { Records } from '../ports/records.ts';
import { readText } from './evidence.ts';
import { flag } from './flags.ts';
import { isPostgres, recordStore } from './record-store.ts';
import { UsageError } from './usage-error.ts';

export type ReadableRecords = Pick<Records, 'list' | 'find' | 'positions' | 'chain'>;
export type ReadableHistory = Pick<ActionHistory, 'list'>;

/** `name` is for sentences. */
export interface RecordsSource {
  readonly kind: 'records';
  readonly name: string;
  readonly records: ReadableRecords;
  /** Of the actions that were run. */
  readonly history: ReadableHistory;
  close(): Promise<void>;
}

export type AuditSource = { readonly kind: 'decision-log'; readonly files: readonly string[] } | RecordsSource;

export interface SourceFlags extends RecordsFlags {
  readonly decisionLog: string;
}

export interface RecordsFlags {
  readonly database?: string;
  readonly databasePasswordFile?: string;
  readonly records?: string;
  readonly token?: string;
  readonly tokenFile?: string;
  readonly caFile?: string;
  readonly serverName?: string;
  readonly kubeconfig?: string;
  readonly namespace: string;
}

export function sourceFlags(command: Command): Command {
  return recordsFlags(
    command.addOption(flag('--decision-log <file>', 'read this decision log', 'countersign-decisions.jsonl')),
  );
}

export function recordsFlags(command: Command): Command {
  return command
    .addOption(flag('--database <url|file>', 'read this database: postgres://… or an SQLite file'))
    .addOption(flag('--database-password-file <file>', 'password for a postgres:// database'))
    .addOption(flag('--records <url>', 'ask the records API at this address, e.g. https://localhost:9443'))
    .addOption(flag('--token <token>', 'who is asking the records API, e.g. from kubectl create token'))
    .addOption(flag('--token-file <file>', 'the same from a file'))
    .addOption(flag('--ca-file <file>', 'PEM certificates that the records API is verified with'))
    .addOption(flag('--server-name <name>', 'name in its certificate, when it is not the one in the address'))
    .addOption(flag('--kubeconfig <file>', 'ask the installation in this cluster, by port-forward'))
    .addOption(flag('--namespace <name>', "Countersign's own namespace", 'countersign-system'));
}

const sources = ['records', 'database', 'kubeconfig', 'decisionLog'] as const;

/** One that is on the command line beats what the environment says; two of them are a mistake. */
export async function openSource(command: Command, flags: SourceFlags): Promise<AuditSource> {
  const named = sources.filter((name) => command.getOptionValueSource(name) === 'cli');
  if (named.length > 1) throw new UsageError(`decisions are read from one place: ${named.map(flagOf).join(' or ')}`);
  const chosen = named[0] ?? sources.find((name) => flags[name] !== undefined) ?? 'decisionLog';
  switch (chosen) {
    case 'records':
      return api(flags);
    case 'database':
      return database(flags);
    case 'kubeconfig':
      return cluster(flags);
    case 'decisionLog':
      return { kind: 'decision-log', files: await filesOf(flags.decisionLog) };
  }
}

/** Of what has records: the history of actions is in no decision log. */
export async function openRecords(command: Command, flags: RecordsFlags): Promise<RecordsSource> {
  const known = sources.filter((name) => name !== 'decisionLog');
  const named = known.filter((name) => command.getOptionValueSource(name) === 'cli');
  if (named.length > 1) throw new UsageError(`records are read from one place: ${named.map(flagOf).join(' or ')}`);
  switch (named[0] ?? known.find((name) => flags[name] !== undefined)) {
    case 'records':
      return api(flags);
    case 'database':
      return database(flags);
    case 'kubeconfig':
      return cluster(flags);
    case undefined:
      throw new UsageError(`where are the records? ${known.map(flagOf).join(', ')} say so`);
  }
}

function flagOf(name: (typeof sources)[number]): string {
  return name === 'decisionLog' ? '--decision-log' : `--${name}`;
}

async function filesOf(log: string): Promise<readonly string[]> {
  const files = await decisionLogFiles(log);
  const found = statSync(files.at(-1) ?? log, { throwIfNoEntry: false });
  if (found?.isFile() !== true) throw new UsageError(`--decision-log: there is no file ${log}`);
  return files;
}

function database({ database: named = '', databasePasswordFile }: RecordsFlags): RecordsSource {
  if (!isPostgres(named) && !named.includes('://') && statSync(named, { throwIfNoEntry: false })?.isFile() !== true)
    throw new UsageError(`--database: there is no file ${named}`);
  const store = recordStore({ database: named, ...defined('passwordFile', databasePasswordFile) });
  const { history } = store;
  return { kind: 'records', name: 'the database', records: store, history, close: () => store.close() };
}

function api({ records: url = '', token, tokenFile, caFile, serverName }: RecordsFlags): RecordsSource {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
    throw new UsageError(`--records: "${url}" is not an http or https address`);
  if (token !== undefined && tokenFile !== undefined)
    throw new UsageError('--token and --token-file: one of them says who is asking');
  const ca = caFile === undefined ? undefined : readText(caFile, '--ca-file');
  const client = recordsClient({
    baseUrl: url.replace(/\/+$/, ''),
    token: async () => (tokenFile === undefined ? token : (await readFile(tokenFile, 'utf8')).trim()),
    ca: () => ca,
    ...defined('serverName', serverName),
  });
  return { kind: 'records', name: url, records: client, history: historyOf(client), close: () => client.close() };
}

/** Who may open ports of the Pods may read what is behind them: no token is needed. */
async function cluster({ kubeconfig, namespace }: RecordsFlags): Promise<RecordsSource> {
  const kubeConfig = usable(loadKubeConfig(kubeconfig));
  const forwarded = usable(await forwardToPod(kubeConfig, { namespace, ...consoleOfPod }));
  const client = recordsClient({ baseUrl: forwarded.baseUrl });
  const close = async (): Promise<void> => {
    await client.close();
    await forwarded.close();
  };
  const name = `the installation in ${namespace}`;
  return { kind: 'records', name, records: client, history: historyOf(client), close };
}

function historyOf(client: RecordsClient): ReadableHistory {
  return { list: (query) => client.actions(query) };
}

/** `--console-local` as manifests/ set it. */
const consoleOfPod = { labelSelector: 'app.kubernetes.io/name=countersign', port: 8080 };

function usable<T>(result: Result<T>): T {
  if (!result.ok) throw new UsageError(result.failure.message);
  return result.value;
}
