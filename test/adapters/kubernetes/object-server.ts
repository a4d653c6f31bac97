/** The fake cluster behind HTTP, as the API server speaks it: get, list, watch, create, status, merge patch, delete. */
import { createServer, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { KubeConfig } from '@kubernetes/client-node';
import type { Kind, KubeObject, NewObject } from '../../../src/kernel/kube-object.ts';
import { asRecord } from '../../../src/kernel/strict-json.ts';
import type { FakeCluster } from '../../fakes/fake-cluster.ts';

export interface ObjectServer {
  readonly kubeConfig: KubeConfig;
  /** e.g. "POST /apis/batch/v1/namespaces/shop/jobs?fieldManager=countersign" */
  readonly requests: string[];
  /** Breaks all watches; the next begins with a list. */
  disconnect(): void;
  close(): Promise<void>;
}

interface Target {
  readonly kind: Kind;
  readonly namespace?: string;
  readonly name?: string;
  readonly subresource?: string;
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

const signal = new AbortController().signal;

export async function objectServer(cluster: FakeCluster, kinds: readonly Kind[]): Promise<ObjectServer> {
  const requests: string[] = [];
  const watches = new Set<{ readonly kind: Kind; readonly label: string | null; readonly response: ServerResponse }>();

  cluster.onChange((object, change) => {
    for (const { kind, label, response } of watches) {
      if (object.kind !== kind.kind || object.apiVersion !== kind.apiVersion || !selects(object, label)) continue;
      response.write(`${JSON.stringify({ type: change === 'gone' ? 'DELETED' : 'MODIFIED', object })}\n`);
    }
  });

  function targetOf(path: string): Target | undefined {
    for (const kind of kinds) {
      const root = kind.apiVersion.includes('/') ? `/apis/${kind.apiVersion}` : `/api/${kind.apiVersion}`;
      const pattern = new RegExp(`^${root}(?:/namespaces/([^/]+))?/${kind.plural}(?:/([^/]+))?(?:/([^/]+))?$`);
      const [found, namespace, name, subresource] = pattern.exec(path) ?? [];
      if (found === undefined || !cluster.isServed(kind)) continue;
      // Groups that did not take part are undefined, whatever the type says.
      return { kind, ...(namespace && { namespace }), ...(name && { name }), ...(subresource && { subresource }) };
    }
    return undefined;
  }

  async function answerTo(method: string, target: Target, query: URLSearchParams, body: unknown): Promise<Answer> {
    const { kind, namespace, name = '', subresource } = target;
    const place = { kind, ...(namespace === undefined ? {} : { namespace }), name };
    const there = cluster.all(kind).find(({ metadata }) => metadata.name === name && metadata.namespace === namespace);
    if (subresource === 'log') return there === undefined ? notFound : { status: 200, body: '' };
    // The adapter sends what the API server would take; whatever else arrives fails the test.
    if (method === 'POST') return created(await cluster.create(body as NewObject, kind, signal));
    if (method === 'PUT') return written(await cluster.writeStatus(sent(body), kind, statusIn(body), signal), there);
    if (method === 'PATCH') return written(await cluster.patch(place, body as object, signal), there);
    if (method === 'DELETE') return removed(place, there, body);
    if (target.name !== undefined) return there === undefined ? notFound : { status: 200, body: there };
    const items = cluster
      .all(kind)
      .filter((object) => selects(object, query.get('labelSelector')) && hasFields(object, query.get('fieldSelector')));
    // Items of built-in kinds have no kind of their own.
    const bare = items.map((item) => ({ ...item, apiVersion: undefined, kind: undefined }));
    return {
      status: 200,
      body: { kind: `${kind.kind}List`, metadata: { resourceVersion: versionNow() }, items: bare },
    };
  }

  async function removed(
    place: { readonly kind: Kind; readonly name: string },
    there: KubeObject | undefined,
    body: unknown,
  ): Promise<Answer> {
    const uid = asRecord(asRecord(body)?.['preconditions'])?.['uid'];
    if (there === undefined) return notFound;
    if (uid !== there.metadata.uid) return status(409, 'Conflict', 'the UID in the precondition differs');
    await cluster.remove(place, there.metadata.uid, signal);
    const left = cluster.all(place.kind).find(({ metadata }) => metadata.uid === uid);
    return { status: 200, body: left ?? { kind: 'Status', status: 'Success' } };
  }

  function versionNow(): string {
    const versions = kinds.flatMap((kind) => cluster.all(kind).map(({ metadata }) => Number(metadata.resourceVersion)));
    return String(Math.max(1, ...versions));
  }

  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://fake');
    requests.push(`${request.method ?? ''} ${url.pathname}${url.search}`);
    const target = targetOf(url.pathname);
    if (target === undefined) reply(response, notFound);
    else if (url.searchParams.get('watch') === 'true') {
      const watch = { kind: target.kind, label: url.searchParams.get('labelSelector'), response };
      response.writeHead(200, { 'content-type': 'application/json' }).flushHeaders();
      watches.add(watch);
      // What was written between the list and the watch comes with the watch.
      const from = Number(url.searchParams.get('resourceVersion'));
      for (const object of cluster.all(watch.kind)) {
        const isNewer = Number(object.metadata.resourceVersion) > from;
        if (isNewer && selects(object, watch.label)) response.write(`${JSON.stringify({ type: 'ADDED', object })}\n`);
      }
      response.on('close', () => watches.delete(watch));
    } else
      void text(request)
        .then((body) =>
          answerTo(request.method ?? '', target, url.searchParams, body === '' ? undefined : JSON.parse(body)),
        )
        .then((answer) => reply(response, answer));
  });
  await new Promise<void>((listening) => {
    server.listen(0, '127.0.0.1', listening);
  });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const kubeConfig = new KubeConfig();
  const place = { name: 'fake', server: `http://127.0.0.1:${port}`, skipTLSVerify: true };
  kubeConfig.loadFromClusterAndUser(place, { name: 'tester' });
  return {
    kubeConfig,
    requests,
    disconnect() {
      for (const { response } of watches) response.destroy();
    },
    async close() {
      await new Promise((done) => {
        server.close(done);
        server.closeAllConnections();
      });
    },
  };
}

function selects(object: KubeObject, label: string | null): boolean {
  return label === null || object.metadata.labels?.[label] !== undefined;
}

/** e.g. "involvedObject.uid=u,type=Warning" */
function hasFields(object: KubeObject, selector: string | null): boolean {
  const wanted = selector === null ? [] : selector.split(',').map((one) => one.split('='));
  return wanted.every(([path = '', value]) => {
    const found = path.split('.').reduce<unknown>((at, member) => asRecord(at)?.[member], object);
    return found === value;
  });
}

function sent(body: unknown): KubeObject {
  // As above.
  return body as KubeObject;
}

function statusIn(body: unknown): object {
  return asRecord(asRecord(body)?.['status']) ?? {};
}

function created(answer: Awaited<ReturnType<FakeCluster['create']>>): Answer {
  if (!answer.ok) return status(503, 'ServiceUnavailable', answer.failure.message);
  if (answer.value.kind === 'exists') return status(409, 'AlreadyExists', 'there is one of that name');
  if (answer.value.kind === 'refused') return status(answer.value.status, 'Invalid', answer.value.message);
  return { status: 201, body: answer.value.object };
}

function written(answer: Awaited<ReturnType<FakeCluster['patch']>>, there: KubeObject | undefined): Answer {
  if (!answer.ok) return status(503, 'ServiceUnavailable', answer.failure.message);
  if (answer.value.kind === 'superseded') return there === undefined ? notFound : status(409, 'Conflict', 'changed');
  if (answer.value.kind === 'refused') return status(answer.value.status, 'Invalid', answer.value.message);
  return { status: 200, body: answer.value.object };
}

function status(code: number, reason: string, message: string): Answer {
  return { status: code, body: { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, reason, message } };
}

const notFound = status(404, 'NotFound', 'the server could not find the requested resource');

function reply(response: ServerResponse, { status: code, body }: Answer): void {
  response
    .writeHead(code, { 'content-type': 'application/json' })
    .end(typeof body === 'string' ? body : JSON.stringify(body));
}
