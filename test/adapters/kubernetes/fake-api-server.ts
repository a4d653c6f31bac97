import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { json } from 'node:stream/consumers';
import { KubeConfig } from '@kubernetes/client-node';
import { asRecord } from '../../../src/kernel/strict-json.ts';

/**
 * What the API server does for readers: get, list and watch, with resource versions, bookmarks left out, 410 Gone,
 * disconnections and refusals on demand. Objects live under the path of their collection.
 */
export interface FakeApiServer {
  readonly kubeConfig: KubeConfig;
  /** Every request as "GET path", "WATCH path", "PATCH path" or "POST path". */
  readonly requests: string[];
  /** Bodies of what was created, which is not there afterwards. */
  readonly posts: { readonly path: string; readonly body: unknown }[];
  /** Bodies of patches, which change nothing. */
  readonly patches: { readonly path: string; readonly type: string | undefined; readonly body: unknown }[];
  /** An empty collection; one that was never created is 404, like a missing custom resource definition. */
  create(collection: string): void;
  put(collection: string, name: string, object?: Readonly<Record<string, unknown>>): void;
  remove(collection: string, name: string): void;
  /** Answers with this instead; undefined ends it. */
  breakdown: { readonly match: RegExp; readonly status: number | 'silence' | 'garbage' | 'no list' } | undefined;
  /** Forgets history: a watch from before now gets 410, as an event or as the answer. */
  compact(how: 'event' | 'answer'): void;
  /** Ends all watches in good order, as the API server does every few minutes. */
  finishWatches(): void;
  /** Breaks the connections of all watches. */
  disconnect(): void;
  watches(): number;
  close(): Promise<void>;
}

interface Change {
  readonly version: number;
  readonly collection: string;
  readonly name: string;
  readonly event: { readonly type: string; readonly object: unknown };
}

export async function fakeApiServer(): Promise<FakeApiServer> {
  const collections = new Map<string, Map<string, Readonly<Record<string, unknown>>>>();
  const history: Change[] = [];
  const watchers = new Set<{
    readonly collection: string;
    readonly query: URLSearchParams;
    readonly response: ServerResponse;
  }>();
  const requests: string[] = [];
  const patches: FakeApiServer['patches'] = [];
  const posts: FakeApiServer['posts'] = [];
  let version = 1;
  let compacted = { before: 0, how: 'event' };

  function record(collection: string, type: string, name: string, object: Readonly<Record<string, unknown>>): void {
    const change = { version, collection, name, event: { type, object } };
    history.push(change);
    for (const watcher of watchers) {
      if (watcher.collection === collection && selects(watcher.query, name)) send(watcher.response, change.event);
    }
  }

  function watch(collection: string, query: URLSearchParams, response: ServerResponse): void {
    const from = Number(query.get('resourceVersion'));
    if (from < compacted.before && compacted.how === 'answer') {
      answer(response, 410, status(410, 'too old resource version'));
      return;
    }
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    if (from < compacted.before) {
      send(response, { type: 'ERROR', object: status(410, 'too old resource version') });
      response.end();
      return;
    }
    for (const change of history) {
      const wanted = change.collection === collection && selects(query, change.name);
      if (wanted && change.version > from) send(response, change.event);
    }
    const watcher = { collection, query, response };
    watchers.add(watcher);
    response.on('close', () => watchers.delete(watcher));
  }

  function get(path: string, query: URLSearchParams, response: ServerResponse): void {
    const objects = collections.get(path);
    if (objects !== undefined) {
      const items = [...objects].filter(([name]) => selects(query, name)).map(([, object]) => object);
      const begin = Number(query.get('continue') ?? 0);
      const end = begin + Number(query.get('limit') ?? items.length);
      const next = end < items.length ? { continue: String(end) } : {};
      answer(response, 200, {
        kind: 'List',
        metadata: { resourceVersion: `${version}`, ...next },
        items: items.slice(begin, end),
      });
      return;
    }
    const slash = path.lastIndexOf('/');
    const found = collections.get(path.slice(0, slash))?.get(path.slice(slash + 1));
    if (found === undefined) answer(response, 404, status(404, 'not found'));
    else answer(response, 200, found);
  }

  async function patch(path: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    patches.push({ path, type: request.headers['content-type'], body: await json(request) });
    answer(response, 200, {});
  }

  async function post(path: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    posts.push({ path, body: await json(request) });
    answer(response, 201, {});
  }

  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    const url = new URL(request.url ?? '/', 'http://fake');
    const watching = url.searchParams.get('watch') === 'true';
    const line = `${watching ? 'WATCH' : methodOf(request)} ${url.pathname}`;
    requests.push(line);
    const { breakdown } = fake;
    if (breakdown?.match.test(line) === true) {
      fail(response, breakdown.status);
      return;
    }
    if (line.startsWith('PATCH')) void patch(url.pathname, request, response);
    else if (line.startsWith('POST')) void post(url.pathname, request, response);
    else if (watching) watch(url.pathname, url.searchParams, response);
    else get(url.pathname, url.searchParams, response);
  });

  const fake: FakeApiServer = {
    kubeConfig: new KubeConfig(),
    requests,
    posts,
    patches,
    breakdown: undefined,
    create(collection) {
      collections.set(collection, new Map());
    },
    put(collection, name, object = {}) {
      version += 1;
      const objects = collections.get(collection) ?? new Map();
      collections.set(collection, objects);
      const type = objects.has(name) ? 'MODIFIED' : 'ADDED';
      const metadata = { ...asRecord(object['metadata']), name, resourceVersion: `${version}` };
      const stored = { ...object, metadata };
      objects.set(name, stored);
      record(collection, type, name, stored);
    },
    remove(collection, name) {
      version += 1;
      const stored = collections.get(collection)?.get(name);
      collections.get(collection)?.delete(name);
      record(collection, 'DELETED', name, { ...stored, metadata: { name, resourceVersion: `${version}` } });
    },
    compact(how) {
      version += 1;
      compacted = { before: version, how };
    },
    finishWatches() {
      for (const watcher of watchers) {
        watchers.delete(watcher);
        watcher.response.end();
      }
    },
    disconnect() {
      for (const watcher of watchers) watcher.response.destroy();
    },
    watches: () => watchers.size,
    async close() {
      await new Promise((done) => {
        server.close(done);
        server.closeAllConnections();
      });
    },
  };

  await new Promise<void>((listening) => {
    server.listen(0, '127.0.0.1', listening);
  });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  fake.kubeConfig.loadFromClusterAndUser(
    // The client library speaks plain HTTP only to clusters whose certificate nobody checks.
    { name: 'fake', server: `http://127.0.0.1:${port}`, skipTLSVerify: true },
    { name: 'tester' },
  );
  return fake;
}

function selects(query: URLSearchParams, name: string): boolean {
  const selector = query.get('fieldSelector');
  return selector === null || selector === `metadata.name=${name}`;
}

function methodOf({ method }: IncomingMessage): string {
  return method === 'PATCH' || method === 'POST' ? method : 'GET';
}

function fail(response: ServerResponse, how: number | 'silence' | 'garbage' | 'no list'): void {
  if (how === 'silence') return;
  if (how === 'garbage') response.end('<html>');
  else if (how === 'no list') answer(response, 200, {});
  else answer(response, how, status(how, 'broken on purpose'));
}

function answer(response: ServerResponse, code: number, body: unknown): void {
  response.writeHead(code, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

function send(response: ServerResponse, event: unknown): void {
  response.write(`${JSON.stringify(event)}\n`);
}

function status(code: number, message: string): unknown {
  return { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, message };
}
