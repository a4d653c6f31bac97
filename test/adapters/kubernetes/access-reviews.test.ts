import { createServer, type Server } from 'node:http';
import { json } from 'node:stream/consumers';
import { KubeConfig } from '@kubernetes/client-node';
import { afterEach, expect, test } from 'vitest';
import { clusterAccess } from '../../../src/adapters/kubernetes/access-reviews.ts';
import type { Access } from '../../../src/ports/access.ts';

interface Asked {
  readonly path: string;
  readonly body: unknown;
}

let server: Server | undefined;
const asked: Asked[] = [];

afterEach(() => {
  server?.close();
  server?.closeAllConnections();
  asked.length = 0;
});

/** An API server that gives one answer, or none. */
async function accessOf(answer: { readonly code?: number; readonly body?: unknown } | 'silence'): Promise<Access> {
  server = createServer((request, response) => {
    void json(request).then((body) => {
      asked.push({ path: request.url ?? '', body });
      if (answer === 'silence') return;
      response.writeHead(answer.code ?? 201, { 'content-type': 'application/json' });
      response.end(typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body ?? {}));
    });
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, '127.0.0.1', resolve);
  await promise;
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromClusterAndUser(
    { name: 'fake', server: `http://127.0.0.1:${port}`, skipTLSVerify: true },
    { name: 'tester' },
  );
  return clusterAccess(kubeConfig, { deadlineMs: 300, maxBytes: 10_000 });
}

function jwt(claims: object): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'RS256' })}.${part(claims)}.c2ln`;
}

const user = {
  username: 'system:serviceaccount:shop:reader',
  uid: '7',
  groups: ['system:authenticated'],
  extra: { 'authentication.kubernetes.io/pod-name': ['web'] },
};
const caller = { user: user.username, uid: '7', groups: user.groups, extra: user.extra };

test('a token is the caller that the cluster says, until it ends', async () => {
  const access = await accessOf({ body: { status: { authenticated: true, user } } });
  const token = jwt({ exp: 1_767_323_045 });
  expect(await access.identify(token)).toEqual({
    ok: true,
    value: { ...caller, expires: '2026-01-02T03:04:05.000Z' },
  });
  expect(asked).toEqual([
    {
      path: '/apis/authentication.k8s.io/v1/tokenreviews',
      body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token } },
    },
  ]);
});

test.each(['opaque', 'a.b', 'a.!.c', jwt({}), jwt({ exp: 'tomorrow' }), jwt({ exp: 1e300 }), jwt({ exp: -1 })])(
  'a token that does not say when it ends has no end of its own: %s',
  async (token) => {
    const access = await accessOf({ body: { status: { authenticated: true, user } } });
    expect(await access.identify(token)).toEqual({ ok: true, value: caller });
  },
);

test.each<[string, unknown]>([
  ['one that is over or unknown', { status: { authenticated: false, error: 'token expired' } }],
  ['one for another audience', { status: { error: 'token audiences ["vault"] is invalid for the target audiences' } }],
  ['a status that says both', { status: { authenticated: true, user, error: 'odd' } }],
  ['no status', {}],
  ['a text for true', { status: { authenticated: 'true', user } }],
  ['nobody in particular', { status: { authenticated: true, user: { username: '' } } }],
  ['no user', { status: { authenticated: true } }],
])("a token is nobody's: %s", async (_what, body) => {
  const access = await accessOf({ body });
  expect(await access.identify(jwt({}))).toEqual({ ok: true, value: undefined });
});

test('what a caller may get is asked with everything that is known of them', async () => {
  const access = await accessOf({ body: { status: { allowed: true } } });
  expect(await access.mayGet(caller, '/console')).toEqual({ ok: true, value: true });
  expect(asked).toEqual([
    {
      path: '/apis/authorization.k8s.io/v1/subjectaccessreviews',
      body: {
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SubjectAccessReview',
        spec: {
          user: user.username,
          uid: '7',
          groups: user.groups,
          extra: user.extra,
          nonResourceAttributes: { path: '/console', verb: 'get' },
        },
      },
    },
  ]);
});

test('what a caller may post to is asked with that verb, and a right to get is no answer to it', async () => {
  const access = await accessOf({ body: { status: { allowed: true } } });
  expect(await access.mayPost(caller, '/v1/audit/execution')).toEqual({ ok: true, value: true });
  expect(asked).toMatchObject([
    {
      path: '/apis/authorization.k8s.io/v1/subjectaccessreviews',
      body: { spec: { user: user.username, nonResourceAttributes: { path: '/v1/audit/execution', verb: 'post' } } },
    },
  ]);
});

test('what a caller may do to objects is asked as such, and of no path', async () => {
  const access = await accessOf({ body: { status: { allowed: true } } });
  const right = { verb: 'get', resource: 'pods', subresource: 'log', namespace: 'agents' };
  expect(await access.may(caller, right)).toEqual({ ok: true, value: true });
  expect(asked).toMatchObject([
    {
      path: '/apis/authorization.k8s.io/v1/subjectaccessreviews',
      body: { spec: { user: user.username, groups: user.groups, resourceAttributes: right } },
    },
  ]);
  expect(JSON.stringify(asked)).not.toContain('nonResourceAttributes');
});

test.each<[string, unknown]>([
  ['no', { status: { allowed: false } }],
  ['no, by one authorizer', { status: { allowed: true, denied: true } }],
  ['no status', {}],
  ['a text for true', { status: { allowed: 'true' } }],
])('a caller may not: %s', async (_what, body) => {
  const access = await accessOf({ body });
  expect(await access.mayGet(caller, '/console')).toEqual({ ok: true, value: false });
  expect(await access.mayPost(caller, '/console')).toEqual({ ok: true, value: false });
  expect(await access.may(caller, { verb: 'list', resource: 'pods' })).toEqual({ ok: true, value: false });
});

test.each<[string, Parameters<typeof accessOf>[0], string]>([
  ['does not answer', 'silence', 'it does not answer in time'],
  [
    'has no permission for us',
    { code: 403, body: { kind: 'Status' } },
    'the API server answers 403, permission is missing',
  ],
  ['fails', { code: 500, body: 'oops' }, 'the API server answers 500'],
  ['answers with too much', { body: 'x'.repeat(20_000) }, 'longer than 10000 bytes'],
  ['answers with something else', { body: '<html>' }, 'cannot ask'],
])('nobody gets in when the API server %s', async (_what, answer, why) => {
  const access = await accessOf(answer);
  const list = { verb: 'list', resource: 'pods' };
  const may = [
    await access.mayGet(caller, '/console'),
    await access.mayPost(caller, '/console'),
    await access.may(caller, list),
  ];
  for (const result of [await access.identify('token'), ...may]) {
    expect(result).toMatchObject({ ok: false, failure: { code: 'CLUSTER_UNAVAILABLE' } });
    expect(result.ok ? '' : result.failure.message).toContain(why);
  }
});
