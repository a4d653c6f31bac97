/** Consoles on the loopback with records in memory, real policies, and a cluster that knows a few tokens. */
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { issueServing, makeAuthority } from '../../../src/adapters/certificates/authority.ts';
import { policyStore } from '../../../src/adapters/policies/policy-store.ts';
import type { ConsoleDeps } from '../../../src/http/console/console-app.ts';
import { startConsole, type RunningConsole } from '../../../src/http/console/start-console.ts';
import { sqliteRecords } from '../../../src/adapters/sqlite/sqlite-records.ts';
import { recordsRoutes } from '../../../src/http/records/records-routes.ts';
import { failure } from '../../../src/kernel/failure.ts';
import { fail, ok } from '../../../src/kernel/result.ts';
import { parsePolicyValue } from '../../../src/policy/parse-documents.ts';
import type { Access, Caller, ObjectRight } from '../../../src/ports/access.ts';
import type { CertificateSource } from '../../../src/ports/certificates.ts';
import type { Decision } from '../../../src/ports/decision-log.ts';
import type { PolicyCatalogue } from '../../../src/ports/policies.ts';
import { embeddedRoot } from '../../contracts/policies.ts';
import { FakeRecords } from '../../fakes/records.ts';

export const digest = `sha256:${'ab'.repeat(32)}`;
const start = Date.parse('2026-01-02T03:04:05.000Z');

/** Refused for want of a signature, unless told otherwise; `index` makes it one of many. */
export function decision(index = 1, other: Partial<Decision> = {}): Decision {
  const image = `registry.example/shop/web:v${index}`;
  return {
    v: 1,
    time: new Date(start + index * 1000).toISOString(),
    correlationId: `c0ffee00-0000-4000-8000-${String(index).padStart(12, '0')}`,
    phase: 'validate',
    verdict: 'refuse',
    uid: `uid-${index}`,
    operation: 'CREATE',
    user: 'system:serviceaccount:shop:deployer',
    kind: 'Pod',
    namespace: 'shop',
    name: `web-${index}`,
    images: [{ field: 'spec.containers[0].image', image, digest, policies: ['shop-images'] }],
    reasons: [
      {
        code: 'SIGNATURE_MISSING',
        message: 'no signatures found',
        field: 'spec.containers[0].image',
        image,
        policy: 'shop-images',
      },
    ],
    snapshot: 'sha256:0123',
    durationMs: 12,
    ...other,
  };
}

function clusterImagePolicy(name: string, glob: string, authority: object, mode = 'enforce'): object {
  return {
    apiVersion: 'policy.sigstore.dev/v1beta1',
    kind: 'ClusterImagePolicy',
    metadata: { name, managedFields: [{ manager: 'kubectl' }], resourceVersion: '7' },
    spec: { images: [{ glob }], mode, authorities: [authority] },
  };
}

const keyless = {
  name: 'release',
  keyless: {
    identities: [
      {
        issuer: 'https://token.actions.githubusercontent.com',
        subject: 'https://github.com/shop/web/.github/workflows/release.yaml@refs/heads/main',
      },
    ],
  },
};

const actionPolicy = {
  apiVersion: 'countersign.dev/v1alpha1',
  kind: 'ActionPolicy',
  metadata: { name: 'actions' },
  spec: {
    images: [{ glob: 'registry.example/actions/**' }],
    namespaces: { allow: ['ops'] },
    podSecurity: 'restricted',
  },
};

/** One policy of each state, read by what reads them in the program. */
export function catalogue(...more: readonly object[]): PolicyCatalogue {
  const store = policyStore({ log: silent, publicTrustRoot: embeddedRoot });
  const source = (name: string, object: object) => ({ name, documents: parsePolicyValue(object, name) });
  const good = clusterImagePolicy('was-good', 'registry.example/old/**', keyless);
  const others = [
    clusterImagePolicy('shop-images', 'registry.example/shop/**', keyless),
    clusterImagePolicy('wants-a-key', 'registry.example/keys/**', { key: { secretRef: { name: 'release-key' } } }),
    clusterImagePolicy('nobody', 'nginx', keyless, 'warn'),
    clusterImagePolicy('never-good', 'registry.example/bad/**', { static: { action: 'perhaps' } }),
    actionPolicy,
    ...more,
  ].map((object, index) => source(`policies/${index}.yaml`, object));
  store.replace([source('policies/old.yaml', good), ...others], { noMatch: 'deny' });
  const bad = clusterImagePolicy('was-good', 'registry.example/old/**', { static: { action: 'perhaps' } });
  store.replace([source('policies/old.yaml', bad), ...others], { noMatch: 'deny' });
  return store;
}

export const noPolicies: PolicyCatalogue = { current: () => undefined, problems: () => [], documents: () => [] };

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** A cluster with three tokens, whose answers and silence a test may choose. */
class FakeAccess implements Access {
  readonly calls: string[] = [];
  broken = false;
  readonly tokens = new Map<string, Caller>([
    ['viewer', { user: 'jane@example.com', groups: ['viewers'], extra: {} }],
    ['nobody-special', { user: 'joe@example.com', groups: [], extra: {} }],
    ['records-only', { user: 'system:serviceaccount:shop:reader', groups: ['records'], extra: {} }],
  ]);
  allow = ({ groups }: Caller, path: string): boolean =>
    groups.includes('viewers') || (groups.includes('records') && path.startsWith('/v1/records'));

  /** In the cluster. */
  allowRight = (_caller: Caller, _right: ObjectRight): boolean => false;

  async identify(token: string): ReturnType<Access['identify']> {
    this.calls.push('identify');
    if (this.broken)
      return fail(failure('CLUSTER_UNAVAILABLE', 'cannot ask whose token it is: it cannot be reached', 5));
    return ok(this.tokens.get(token));
  }

  mayGet(caller: Caller, path: string): ReturnType<Access['mayGet']> {
    return this.#may('mayGet', caller, path);
  }

  mayPost(caller: Caller, path: string): ReturnType<Access['mayPost']> {
    return this.#may('mayPost', caller, path);
  }

  async may(caller: Caller, right: ObjectRight): ReturnType<Access['may']> {
    const { verb, resource, subresource, group, namespace } = right;
    this.calls.push(`${verb} ${[resource, subresource].filter(Boolean).join('/')} ${group ?? ''} ${namespace ?? '*'}`);
    if (this.broken)
      return fail(failure('CLUSTER_UNAVAILABLE', 'cannot ask what a caller may do: it cannot be reached', 5));
    return ok(this.allowRight(caller, right));
  }

  async #may(verb: string, caller: Caller, path: string): ReturnType<Access['mayGet']> {
    this.calls.push(`${verb} ${path}`);
    if (this.broken)
      return fail(failure('CLUSTER_UNAVAILABLE', 'cannot ask what a caller may see: it cannot be reached', 5));
    return ok(this.allow(caller, path));
  }
}

export interface Scene {
  readonly console: RunningConsole;
  readonly records: FakeRecords;
  readonly access: FakeAccess;
  readonly errors: string[];
  readonly origin: string;
  /** Moves the clock on. */
  later(ms: number): void;
}

const ca = await makeAuthority(new Date());
const pair = await issueServing(ca, ['localhost', '127.0.0.1'], new Date());
const certificates: CertificateSource = {
  current: () => pair,
  onChange: () => () => undefined,
  close: () => undefined,
};

const opened: RunningConsole[] = [];

type SceneOptions = Partial<Pick<ConsoleDeps, 'policies' | 'recordsMs' | 'history' | 'tasks'>>;

export async function openScene(kind: 'token' | 'local', options: SceneOptions = {}): Promise<Scene> {
  const records = new FakeRecords();
  const access = new FakeAccess();
  const errors: string[] = [];
  let now = start + 3_600_000;
  const log = { ...silent, error: (_fields: unknown, message: string) => void errors.push(message) };
  const deps = {
    records,
    api: recordsRoutes({ records, log }),
    history: sqliteRecords(':memory:').history,
    policies: catalogue(),
    clock: { now: () => new Date(now) },
    log,
    ...options,
  };
  const address = { host: '127.0.0.1', port: 0 };
  const listener =
    kind === 'local' ? ({ kind, address } as const) : ({ kind: 'https', address, certificates, access } as const);
  const console = await startConsole(listener, deps);
  opened.push(console);
  const origin = `${kind === 'local' ? 'http' : 'https'}://127.0.0.1:${console.address.port}`;
  return { console, records, access, errors, origin, later: (ms) => void (now += ms) };
}

/** For afterEach. */
export async function closeScenes(): Promise<void> {
  await Promise.all(opened.splice(0).map((console) => console.close(0)));
}

export interface Received {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

interface Sent {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** The path goes out as it is, dots and all. */
export function send({ origin, console }: Scene, path: string, { body, ...options }: Sent = {}): Promise<Received> {
  const request = origin.startsWith('https') ? httpsRequest : httpRequest;
  const { host, port } = console.address;
  return new Promise((resolve, reject) => {
    const sent = request({ host, port, path, ca: ca.cert, agent: false, ...options }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const { statusCode: status = 0, headers } = response;
        resolve({ status, headers, text: Buffer.concat(chunks).toString() });
      });
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

export function bearer(token: string): { readonly headers: Readonly<Record<string, string>> } {
  return { headers: { authorization: `Bearer ${token}` } };
}

export function login(scene: Scene, token: string, headers: Readonly<Record<string, string>> = {}): Promise<Received> {
  const body = new URLSearchParams({ token, next: '/console/policies' }).toString();
  const form = { 'content-type': 'application/x-www-form-urlencoded', 'sec-fetch-site': 'same-origin' };
  return send(scene, '/console/login', { method: 'POST', body, headers: { ...form, ...headers } });
}

/** What a browser sends back. */
export function cookieOf({ headers }: Received): string {
  return headers['set-cookie']?.[0]?.split(';')[0] ?? '';
}
