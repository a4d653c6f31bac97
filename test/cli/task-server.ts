/** A fake cluster behind HTTP, as far as `countersign tasks` asks: pages of lists, objects, merge patches, logs. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { agentKinds } from '../../src/agents/kinds.ts';
import type { Kind, ObjectPlace } from '../../src/kernel/kube-object.ts';
import { fakeCluster, type FakeCluster } from '../fakes/fake-cluster.ts';

export interface TaskServer {
  readonly cluster: FakeCluster;
  readonly kubeconfig: string;
  /** e.g. "GET /api/v1/namespaces/shop/pods/one-pod/log?container=agent" */
  readonly requests: string[];
  /** Answers instead of the cluster. */
  refuse: ((method: string, path: string) => number | undefined) | undefined;
  /** Of a container; undefined: it has not been started. */
  log: (container: string, query: URLSearchParams) => string | undefined;
  close(): Promise<void>;
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

const pageSize = 2;
const { signal } = new AbortController();
const kinds: readonly Kind[] = Object.values(agentKinds);

export async function taskServer(): Promise<TaskServer> {
  const cluster = fakeCluster();
  const folder = mkdtempSync(join(tmpdir(), 'tasks-'));
  const http = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://fake');
    const method = request.method ?? '';
    server.requests.push(`${method} ${decodeURIComponent(url.pathname)}${url.search}`);
    void text(request)
      .then((body) => answerTo(method, url, body))
      .then(({ status, body }) =>
        response
          .writeHead(status, { 'content-type': 'application/json' })
          .end(typeof body === 'string' ? body : JSON.stringify(body)),
      );
  });

  async function answerTo(method: string, url: URL, body: string): Promise<Answer> {
    const code = server.refuse?.(method, url.pathname);
    if (code !== undefined) return { status: code, body: { kind: 'Status', message: `"tester" may not ${method}` } };
    for (const kind of kinds) {
      const root = kind.apiVersion.includes('/') ? `/apis/${kind.apiVersion}` : `/api/${kind.apiVersion}`;
      const pattern = new RegExp(`^${root}(?:/namespaces/([^/]+))?/${kind.plural}(?:/([^/]+))?(?:/([^/]+))?$`);
      const [found, namespace, name, subresource] = pattern.exec(url.pathname) ?? [];
      if (found === undefined || !cluster.isServed(kind)) continue;
      if (subresource === 'log') return logAnswer(url.searchParams);
      if (name === undefined) return listed(kind, namespace, url.searchParams);
      const place = { kind, ...(namespace && { namespace }), name };
      return method === 'PATCH' ? patched(place, body) : one(place);
    }
    return notFound;
  }

  async function patched(place: ObjectPlace, body: string): Promise<Answer> {
    const written = await cluster.patch(place, JSON.parse(body) as object, signal);
    return written.ok && written.value.kind === 'written' ? { status: 200, body: written.value.object } : notFound;
  }

  function one({ kind, namespace, name }: ObjectPlace): Answer {
    const there = cluster.all(kind).find(({ metadata: m }) => m.name === name && m.namespace === namespace);
    return there === undefined ? notFound : { status: 200, body: there };
  }

  function logAnswer(query: URLSearchParams): Answer {
    const said = server.log(query.get('container') ?? '', query);
    return said === undefined ? { status: 400, body: { message: 'waiting to start' } } : { status: 200, body: said };
  }

  function listed(kind: Kind, namespace: string | undefined, query: URLSearchParams): Answer {
    const [label = '', value] = query.get('labelSelector')?.split('=') ?? [];
    const all = cluster
      .all(kind)
      .filter(({ metadata }) => namespace === undefined || metadata.namespace === namespace)
      .filter(({ metadata }) => value === undefined || metadata.labels?.[label] === value);
    const begin = Number(query.get('continue') ?? 0);
    const end = begin + pageSize;
    const metadata = { resourceVersion: '1', ...(end < all.length && { continue: String(end) }) };
    return { status: 200, body: { metadata, items: all.slice(begin, end) } };
  }

  await new Promise<void>((listening) => {
    http.listen(0, '127.0.0.1', listening);
  });
  const address = http.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const kubeconfig = join(folder, 'kubeconfig');
  const config = {
    'current-context': 'fake',
    clusters: [{ name: 'fake', cluster: { server: `http://127.0.0.1:${port}`, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'tester', user: {} }],
    contexts: [{ name: 'fake', context: { cluster: 'fake', user: 'tester', namespace: 'shop' } }],
  };
  // JSON is YAML.
  writeFileSync(kubeconfig, JSON.stringify(config));
  const server: TaskServer = {
    cluster,
    kubeconfig,
    requests: [],
    refuse: undefined,
    log: () => '',
    async close() {
      rmSync(folder, { recursive: true });
      await new Promise((done) => {
        http.close(done);
        http.closeAllConnections();
      });
    },
  };
  return server;
}

const notFound: Answer = { status: 404, body: { kind: 'Status', message: 'not found' } };
