import { createServer } from 'node:http';
import { json } from 'node:stream/consumers';
import { KubeConfig } from '@kubernetes/client-node';
import { asRecord } from '../../../src/kernel/strict-json.ts';

/** An API server that knows one Secret. */
export interface FakeSecret {
  readonly kubeConfig: KubeConfig;
  /** Every write as "POST" or "PATCH". */
  readonly writes: string[];
  /** As an administrator would write it; undefined deletes it. */
  set(data: Readonly<Record<string, string>> | undefined, labels?: Readonly<Record<string, string>>): void;
  data(): Readonly<Record<string, string>>;
  isAway: boolean;
  /** Its clock is ahead of ours by so much. */
  skewMs: number;
  close(): Promise<void>;
}

interface Stored {
  readonly version: number;
  readonly labels: unknown;
  readonly data: Readonly<Record<string, string>>;
}

export async function fakeSecret(): Promise<FakeSecret> {
  let stored: Stored | undefined;
  let version = 0;

  function post(body: unknown): number {
    if (stored !== undefined) return 409;
    const { metadata, data } = asRecord(body) ?? {};
    put(asRecord(metadata)?.['labels'], data);
    return 201;
  }

  function patch(body: unknown): number {
    if (stored === undefined) return 404;
    const { metadata, data } = asRecord(body) ?? {};
    if (asRecord(metadata)?.['resourceVersion'] !== `${stored.version}`) return 409;
    put(stored.labels, { ...stored.data, ...asRecord(data) });
    return 200;
  }

  function put(labels: unknown, data: unknown): void {
    version += 1;
    // Written by the tests or by the store.
    stored = { version, labels, data: data as Record<string, string> };
  }

  function act(method: string, body: unknown): number {
    if (fake.isAway) return 500;
    if (method !== 'GET') fake.writes.push(method);
    if (method === 'POST') return post(body);
    return method === 'PATCH' ? patch(body) : stored === undefined ? 404 : 200;
  }

  const server = createServer((request, response) => {
    const method = request.method ?? '';
    void (method === 'GET' ? Promise.resolve(undefined) : json(request)).then((body) => {
      const code = act(method, body);
      const date = new Date(Date.now() + fake.skewMs).toUTCString();
      response.writeHead(code, { 'content-type': 'application/json', date });
      const { labels, data } = stored ?? {};
      response.end(JSON.stringify({ metadata: { resourceVersion: `${stored?.version}`, labels }, data }));
    });
  });
  await new Promise<void>((listening) => {
    server.listen(0, '127.0.0.1', listening);
  });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;

  const fake: FakeSecret = {
    kubeConfig: new KubeConfig(),
    writes: [],
    set(data, labels = { 'app.kubernetes.io/part-of': 'countersign' }) {
      if (data === undefined) stored = undefined;
      else put(labels, Object.fromEntries(Object.entries(data).map(([name, text]) => [name, encode(text)])));
    },
    data: () => Object.fromEntries(Object.entries(stored?.data ?? {}).map(([name, text]) => [name, decode(text)])),
    isAway: false,
    skewMs: 0,
    async close() {
      await new Promise((done) => {
        server.close(done);
        server.closeAllConnections();
      });
    },
  };
  fake.kubeConfig.loadFromClusterAndUser(
    { name: 'fake', server: `http://127.0.0.1:${port}`, skipTLSVerify: true },
    { name: 'tester' },
  );
  return fake;
}

const encode = (text: string): string => Buffer.from(text).toString('base64');
const decode = (text: string): string => Buffer.from(text, 'base64').toString('utf8');
