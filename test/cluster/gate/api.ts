/** The API server as users reach it: apply, create, read; and what a refusal of it looks like. */
import { readFileSync } from 'node:fs';
import { ApiException, AppsV1Api, CoreV1Api, KubeConfig, PatchStrategy } from '@kubernetes/client-node';
import { Agent, request } from 'undici';
import { until } from '../processes.ts';

export interface ApiObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, unknown>>;
  };
  readonly [field: string]: unknown;
}

export interface Api {
  readonly config: KubeConfig;
  readonly core: CoreV1Api;
  readonly apps: AppsV1Api;
  /** As `kubectl apply --server-side` does; gives the object as it was stored. */
  apply(object: ApiObject): Promise<unknown>;
  /** A JSON merge patch. */
  merge(object: ApiObject, change: object): Promise<unknown>;
  create(object: ApiObject, options?: { readonly dryRun: boolean }): Promise<unknown>;
  /** The same of any path, e.g. a status. */
  mergeAt(path: string, change: object): Promise<unknown>;
  /** With a body that JavaScript may not be able to write. */
  createText(object: ApiObject, text: string): Promise<unknown>;
  /** Any path, whatever the answer is. */
  get(path: string): Promise<Answer>;
  /** What would come of creating it, whatever that is. */
  tryOut(object: ApiObject): Promise<Answer>;
  /** Undefined when there is none. */
  read(object: ApiObject): Promise<unknown>;
  remove(object: ApiObject): Promise<void>;
  /** A new namespace in which Pods can be made. */
  namespace(labels: Readonly<Record<string, string>>): Promise<string>;
  close(): Promise<void>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

export function connect(kubeconfig: string): Api {
  const config = new KubeConfig();
  config.loadFromFile(kubeconfig);
  const core = config.makeApiClient(CoreV1Api);
  const { call, send, dispatcher } = caller(config);
  return {
    config,
    core,
    apps: config.makeApiClient(AppsV1Api),
    apply: (object) =>
      call('PATCH', `${pathOf(object)}?fieldManager=test&force=true`, object, PatchStrategy.ServerSideApply),
    merge: (object, change) => call('PATCH', pathOf(object), change, PatchStrategy.MergePatch),
    mergeAt: (path, change) => call('PATCH', path, change, PatchStrategy.MergePatch),
    create: (object, options) =>
      call('POST', `${collectionOf(object)}${options?.dryRun === true ? '?dryRun=All' : ''}`, object),
    createText: (object, text) => call('POST', collectionOf(object), text),
    get: (path) => send('GET', path),
    tryOut: (object) => send('POST', `${collectionOf(object)}?dryRun=All`, object),
    read: (object) => unlessMissing(call('GET', pathOf(object))),
    remove: async (object) => {
      await unlessMissing(call('DELETE', `${pathOf(object)}?gracePeriodSeconds=0&propagationPolicy=Background`));
    },
    namespace: (labels) => makeNamespace(core, labels),
    close: () => dispatcher.close(),
  };
}

type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE';

interface Caller {
  readonly send: (method: Method, path: string, body?: object | string, type?: string) => Promise<Answer>;
  /** Gives the body, or throws. */
  readonly call: (method: Method, path: string, body?: object | string, type?: string) => Promise<unknown>;
  readonly dispatcher: Agent;
}

/** Objects go out and come back as they are written. The client library drops fields its types do not have. */
function caller(config: KubeConfig): Caller {
  const { server, caFile } = config.getCurrentCluster() ?? {};
  const { certFile, keyFile } = config.getCurrentUser() ?? {};
  const [ca, cert, key] = [caFile, certFile, keyFile].map((file) => readFileSync(file ?? ''));
  const dispatcher = new Agent({ connect: { ca, cert, key } });
  const send: Caller['send'] = async (method, path, body, type = 'application/json') => {
    const answer = await request(`${server}${path}`, {
      method,
      dispatcher,
      headers: { 'content-type': type },
      body: body === undefined || typeof body === 'string' ? (body ?? null) : JSON.stringify(body),
      signal: AbortSignal.timeout(30_000),
    });
    return { status: answer.statusCode, headers: answer.headers, text: await answer.body.text() };
  };
  const call: Caller['call'] = async (...sent) => {
    const { status, headers, text } = await send(...sent);
    if (status < 300) return JSON.parse(text);
    const retryAfter = headers['retry-after'];
    throw new ApiException(status, text, text, typeof retryAfter === 'string' ? { 'retry-after': retryAfter } : {});
  };
  return { call, send, dispatcher };
}

export function collectionOf({ apiVersion, kind, metadata: { namespace } }: ApiObject): string {
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const plural = `${kind.toLowerCase()}s`.replace(/ys$/, 'ies').replace(/sss$/, 'sses');
  return namespace === undefined ? `${root}/${plural}` : `${root}/namespaces/${namespace}/${plural}`;
}

export const pathOf = (object: ApiObject): string => `${collectionOf(object)}/${object.metadata.name}`;

async function unlessMissing<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof ApiException && error.code === 404) return undefined;
    throw error;
  }
}

async function makeNamespace(core: CoreV1Api, labels: Readonly<Record<string, string>>): Promise<string> {
  const made = await core.createNamespace({ body: { metadata: { generateName: 'gate-', labels } } });
  const namespace = made.metadata?.name ?? '';
  // Pods are refused until a controller has made their service account.
  const account = { name: 'default', namespace };
  const ready = await until(async () => Boolean(await core.readNamespacedServiceAccount(account)), 20_000);
  if (!ready) throw new Error(`namespace ${namespace} got no service account`);
  return namespace;
}
