/** What is needed around a webhook, in processes and a folder of its own: a registry, policies, a certificate, a client. */
import { mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { issueServing, makeAuthority } from '../../src/adapters/certificates/authority.ts';
import { Child, type ChildOptions } from './child.ts';
import type { Stock } from './registry-process.ts';

export interface ImageCounts {
  readonly keyless?: number;
  readonly keyed?: number;
}

export interface Server {
  readonly process: Child;
  readonly port: number;
}

export interface Cluster {
  readonly process: Child;
  readonly kubeconfig: string;
}

type Listening = Pick<Server, 'port'>;

export interface Scene {
  readonly stock: Stock;
  readonly registry: Child;
  /** Certificate of the authority that both webhooks are verified with. */
  readonly ca: string;
  /** What is started is stopped with the scene. */
  /** With the policies of the stock as files, or those of a cluster. */
  readonly startCountersign: (cluster?: Cluster) => Promise<Server>;
  /** An API server with so many policies besides those of the stock. */
  readonly startCluster: (policies: number) => Promise<Cluster>;
  readonly startNoOp: () => Promise<Server>;
  readonly startClient: () => Promise<Child>;
}

/** As the image starts it (Dockerfile), with the heap that Node takes where memory is limited to 512 MiB. */
const execArgv = ['--max-semi-space-size=16', '--max-old-space-size=256'];
const env = { MALLOC_ARENA_MAX: '2' };

export async function withScene<T>(images: ImageCounts, act: (scene: Scene) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-bench-'));
  const children: Child[] = [];
  const start = (file: string, args: readonly string[], options?: ChildOptions): Child => {
    const child = new Child(file, args, options);
    children.push(child);
    return child;
  };
  try {
    const registry = start('registry-process.ts', [String(images.keyless ?? 0), String(images.keyed ?? 0)]);
    const stock = await registry.receive<Stock>();
    const ca = await furnish(folder, stock);
    const serve = async (process: Child): Promise<Server> => ({ process, ...(await process.receive<Listening>()) });
    return await act({
      stock,
      registry,
      ca,
      startCountersign(cluster) {
        // Its own log is written to a file: thrown away it would cost less than in a cluster.
        const output = openSync(join(folder, 'webhook.log'), 'a');
        const policies =
          cluster === undefined ? ['--policies', join(folder, 'policies')] : ['--kubeconfig', cluster.kubeconfig];
        return serve(start('webhook-process.ts', [folder, stock.host, ...policies], { output, execArgv, env }));
      },
      async startCluster(policies) {
        const process = start('api-server-process.ts', [folder, String(policies)]);
        return { process, ...(await process.receive<Pick<Cluster, 'kubeconfig'>>()) };
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
