/** What is needed around a webhook, in processes and a folder of its own: a registry, policies, a certificate, a client. */
import { mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { issueServing, makeAuthority } from '../../src/adapters/certificates/authority.ts';
import { Child } from './child.ts';
import type { Stock } from './registry-process.ts';

export interface Server {
  readonly process: Child;
  readonly port: number;
}

type Listening = Pick<Server, 'port'>;

export interface Scene {
  readonly stock: Stock;
  readonly registry: Child;
  /** Certificate of the authority that both webhooks are verified with. */
  readonly ca: string;
  /** What is started is stopped with the scene. */
  readonly startCountersign: () => Promise<Server>;
  readonly startNoOp: () => Promise<Server>;
  readonly startClient: () => Promise<Child>;
}

export async function withScene<T>(keylessImages: number, act: (scene: Scene) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-bench-'));
  const children: Child[] = [];
  const start = (file: string, args: readonly string[], output?: number): Child => {
    const child = new Child(file, args, output);
    children.push(child);
    return child;
  };
  try {
    const registry = start('registry-process.ts', [String(keylessImages)]);
    const stock = await registry.receive<Stock>();
    const ca = await furnish(folder, stock);
    const serve = async (process: Child): Promise<Server> => ({ process, ...(await process.receive<Listening>()) });
    return await act({
      stock,
      registry,
      ca,
      startCountersign() {
        // Its own log is written to a file: thrown away it would cost less than in a cluster.
        const output = openSync(join(folder, 'webhook.log'), 'a');
        return serve(start('webhook-process.ts', [folder, stock.host], output));
      },
      startNoOp: () => serve(start('no-op-process.ts', [folder])),
      async startClient() {
        const client = start('load-process.ts', []);
        await client.receive();
        return client;
      },
    });
  } finally {
    await Promise.all(children.map((child) => child.stop()));
    rmSync(folder, { recursive: true });
  }
}

async function furnish(folder: string, stock: Stock): Promise<string> {
  mkdirSync(join(folder, 'policies'));
  for (const [name, text] of Object.entries(stock.policies)) writeFileSync(join(folder, 'policies', name), text);
  const now = new Date();
  const authority = await makeAuthority(now);
  const { cert, key } = await issueServing(authority, ['127.0.0.1'], now);
  writeFileSync(join(folder, 'tls.crt'), cert);
  writeFileSync(join(folder, 'tls.key'), key);
  return authority.cert;
}
