/** Countersign as it is installed: a process of its own that knows the cluster by a kubeconfig. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Agent, request } from 'undici';
import { freePorts, ProgramGroup } from '../processes.ts';

export interface WebhookProcess {
  /** https://127.0.0.1:PORT */
  readonly url: string;
  readonly caBundle: string;
  readonly decisionLog: string;
  get(path: string): Promise<{ readonly status: number; readonly text: string }>;
  pid(): number | undefined;
  /** What it has written to its log. */
  log(): string;
  /** Ends the process; it can be started again and has then the same port, CA and decision log. */
  stop(): Promise<void>;
  /** As if the machine had stopped; its files stay. */
  kill(): Promise<void>;
  start(): Promise<void>;
  /** Ends the process for good and removes its files. */
  close(): Promise<void>;
}

export const program = join(import.meta.dirname, '../../../src/main.ts');

/** All parts in one, but for the console. */
export function startWebhook(flags: readonly string[]): Promise<WebhookProcess> {
  return startPart('serve', flags);
}

export type Part = 'serve' | 'webhook' | 'controller' | 'records';

/** A later flag is stronger than an earlier one: those that are given count. */
export async function startPart(part: Part, flags: readonly string[]): Promise<WebhookProcess> {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-webhook-'));
  const file = (name: string): string => join(folder, name);
  const [port = 0] = await freePorts(1);
  const url = `https://127.0.0.1:${port}`;
  const args = [
    program,
    part,
    `--listen=127.0.0.1:${port}`,
    `--decision-log=${file('decisions.jsonl')}`,
    `--ca-file=${file('ca.pem')}`,
    `--certificates-folder=${file('certificates')}`,
    `--database=${file('records.sqlite')}`,
    '--console-listen=none',
    '--console-local=none',
    '--drain-seconds=1',
    ...flags,
  ];

  async function get(path: string): Promise<{ status: number; text: string }> {
    const dispatcher = new Agent({ connect: { ca: readFileSync(file('ca.pem')) } });
    try {
      const answer = await request(url + path, { dispatcher, signal: AbortSignal.timeout(5_000) });
      return { status: answer.statusCode, text: await answer.body.text() };
    } finally {
      await dispatcher.close();
    }
  }

  let group = new ProgramGroup(folder, { detached: false });
  const ready = async (): Promise<boolean> => existsSync(file('ca.pem')) && (await get('/readyz')).status === 200;
  const start = (): Promise<void> => group.start('webhook', process.execPath, args, ready);
  const stop = async (): Promise<void> => {
    await group.stop();
    group = new ProgramGroup(folder, { detached: false });
  };
  const kill = async (): Promise<void> => {
    await group.kill();
    group = new ProgramGroup(folder, { detached: false });
  };
  const close = async (): Promise<void> => {
    await stop();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await start();
  } catch (error) {
    await close();
    throw error;
  }
  const caBundle = readFileSync(file('ca.pem')).toString('base64');
  const pid = (): number | undefined => group.pid('webhook');
  const log = (): string => readFileSync(file('webhook.log'), 'utf8');
  return { url, caBundle, decisionLog: file('decisions.jsonl'), get, pid, log, stop, kill, start, close };
}
