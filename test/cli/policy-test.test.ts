import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { namedPolicies } from '../../src/cli/policy/policy-sources.ts';
import { readPublicTrustRoot } from '../../src/cli/evidence.ts';
import { createBench, type DemoImage } from '../../src/demo/images/bench.ts';
import { keyBundle, unsigned } from '../../src/demo/images/key-images.ts';
import { status } from '../../src/demo/registry/faults.ts';
import { startRegistry, type DemoRegistry } from '../../src/demo/registry/serve.ts';
import { startSigstore } from '../../src/demo/sigstore/sigstore.ts';
import { json, run } from './run.ts';

let registry: DemoRegistry;
let good: DemoImage;
let bad: DemoImage;
let key: string;
let root: string;
let folder: string;

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'policy-test-'));
  registry = await startRegistry();
  const sigstore = await startSigstore();
  const bench = createBench(registry, sigstore);
  [good, bad] = [keyBundle(bench), unsigned(bench)];
  key = bench.key.publicKeyPem;
  await sigstore.close();
});

beforeEach(() => {
  folder = mkdtempSync(join(root, 'case-'));
  registry.reset();
});

afterAll(async () => {
  await registry.close();
  rmSync(root, { recursive: true });
});

function file(name: string, content: unknown): string {
  const path = join(folder, name);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

function policy(name: string, spec: object): object {
  const apiVersion = 'policy.sigstore.dev/v1beta1';
  return { apiVersion, kind: 'ClusterImagePolicy', metadata: { name }, spec: { images: [{ glob: '**' }], ...spec } };
}

const signed = (name = 'signed', members: object = {}) =>
  policy(name, { authorities: [{ name: 'team', key: { data: key } }], ...members });
const allowed = (name = 'allowed', members: object = {}) =>
  policy(name, { authorities: [{ static: { action: 'pass' } }], ...members });
const denied = (name = 'denied', members: object = {}) =>
  policy(name, { authorities: [{ static: { action: 'fail', message: 'not here' } }], ...members });

const list = (...items: readonly object[]) => ({ apiVersion: 'v1', kind: 'List', items });
const policyTest = (...args: readonly string[]) => run('policy', 'test', '--insecure-registry', registry.host, ...args);

describe('as policy-tester', () => {
  test('says nothing and is 0 when the image passes, with its way of writing flags', async () => {
    const path = file('p.json', signed());
    const ran = await policyTest('-policy', path, `-image=${good.reference}`, '-log-level', 'error', '--compat');
    expect(ran).toEqual({ code: 0, out: '', err: '' });
  });

  test('prints errors as JSON and is 1 when it does not', async () => {
    const ran = await policyTest('-policy', file('p.json', denied()), '-image', good.reference, '--compat');
    expect([ran.code, json(ran)]).toEqual([
      1,
      { errors: ['failed policy denied: disallowed by static policy: not here'] },
    ]);
  });

  test('says of an image that no policy matches that it is uncovered', async () => {
    const path = file('p.json', signed('signed', { images: [{ glob: 'other.example/**' }] }));
    const ran = await policyTest('-policy', path, '-image', bad.reference, '-enable-oci11', '--compat');
    expect([ran.code, json(ran)]).toEqual([1, { errors: [`${bad.reference} is uncovered by policy`] }]);
  });

  test('takes one image', async () => {
    const ran = await policyTest('-policy', file('p.json', signed()), '-image', 'a/b', '-image', 'c/d', '--compat');
    expect([ran.code, ran.err]).toEqual([2, expect.stringContaining('one image')]);
  });
});

describe('a matrix', () => {
  test('has every policy and image, the reasons, and the worst verdict', async () => {
    const path = file(
      'p.json',
      list(signed(), allowed('allowed', { mode: 'warn' }), denied('other', { images: [{ glob: 'x/**' }] })),
    );
    const ran = await policyTest('--policy', path, '--image', good.reference, '--image', bad.reference, '-o', 'json');
    expect(ran.code).toBe(1);
    expect(json(ran)).toMatchObject({
      verdict: 'fail',
      errors: [expect.stringContaining('failed policy signed')],
      warnings: [],
      images: [
        {
          image: good.reference,
          digest: good.digest,
          verdict: 'pass',
          policies: [
            { policy: 'allowed', verdict: 'pass' },
            { policy: 'other', verdict: 'no-match' },
            { policy: 'signed', verdict: 'pass', reasons: [] },
          ],
        },
        {
          image: bad.reference,
          verdict: 'fail',
          policies: [
            { policy: 'allowed', verdict: 'pass' },
            { policy: 'other', verdict: 'no-match' },
            { policy: 'signed', verdict: 'fail', reasons: [{ code: 'SIGNATURE_MISSING', policy: 'signed' }] },
          ],
        },
      ],
    });
  });

  test('tells all policies that fail, in the same words each time', async () => {
    const path = file('p.json', list(denied('b'), denied('a'), signed('c')));
    const runs = await Promise.all([1, 2, 3].map(() => policyTest('--policy', path, '--image', bad.reference)));
    expect(new Set(runs.map(({ out }) => out)).size).toBe(1);
    expect(runs[0]?.out.match(/failed policy \w/g)).toEqual(['failed policy a', 'failed policy b', 'failed policy c']);
  });

  test('shows warnings of policies in mode warn when all is well otherwise', async () => {
    const path = file('p.json', list(allowed(), denied('tried', { mode: 'warn' })));
    const ran = await policyTest('--policy', path, '--image', bad.reference);
    expect(ran.code).toBe(0);
    expect(ran.out).toMatch(/warn +tried .*STATIC_FAIL/);
    expect(ran.out).toMatch(/warning .*not here/);
    expect(json(await policyTest('--policy', path, '--image', bad.reference, '-o', 'json'))).toMatchObject({
      verdict: 'warn',
      warnings: [expect.stringContaining('not here')],
    });
  });

  test('comes from files and folders, with the Secrets that policies name', async () => {
    mkdirSync(join(folder, 'many'));
    const secret = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'team-key' },
      stringData: { 'cosign.pub': key },
    };
    file('many/policy.json', policy('by-secret', { authorities: [{ key: { secretRef: { name: 'team-key' } } }] }));
    file('many/secret.json', secret);
    const ran = await policyTest(
      '--policy',
      join(folder, 'many'),
      '--policy',
      file('p.json', allowed()),
      '--image',
      good.reference,
    );
    expect(ran).toMatchObject({ code: 0, out: expect.stringMatching(/pass +allowed[^]*pass +by-secret/) });
  });

  test.each(['junit', 'github', 'yaml', 'text'])('prints %s', async (format) => {
    const path = file('p.json', list(denied(), allowed()));
    const ran = await policyTest('--policy', path, '--image', good.reference, '-o', format);
    expect([ran.code, ran.err]).toEqual([1, '']);
    expect(ran.out).toContain('STATIC_FAIL');
  });

  test.each([
    { mode: 'deny', code: 1 },
    { mode: 'warn', code: 0 },
    { mode: 'allow', code: 0 },
  ])('of an image that nothing matches is $code with --no-match $mode', async ({ mode, code }) => {
    const path = file('p.json', allowed('p', { images: [{ glob: 'x/**' }] }));
    expect(await policyTest('--policy', path, '--image', bad.reference, '--no-match', mode)).toMatchObject({ code });
  });

  test('is 3 when the registry is away, and 1 when something else is refused for certain', async () => {
    const path = file('p.json', signed());
    registry.inject(/./, status(500));
    expect(await policyTest('--policy', path, '--image', good.reference)).toMatchObject({ code: 3 });
    const both = file('both.json', list(signed(), denied()));
    expect(await policyTest('--policy', both, '--image', `${good.reference}@${good.digest}`)).toMatchObject({
      code: 1,
    });
  });
});

describe('a resource', () => {
  const pods = { match: [{ resource: 'pods', version: 'v1' }] };
  const labelled = {
    match: [{ group: 'apps', version: 'v1', resource: 'deployments', selector: { matchLabels: { app: 'web' } } }],
  };
  const deployment = (labels: object) => ({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', labels },
    spec: { template: { spec: { containers: [] } } },
  });

  test('is what policies match; without one it is a Pod', async () => {
    const path = file('p.json', list(denied('for-pods', pods), allowed('for-web', labelled)));
    const web = file('web.json', deployment({ app: 'web' }));
    const other = file('other.json', deployment({ app: 'other' }));
    expect(await policyTest('--policy', path, '--image', good.reference)).toMatchObject({ code: 1 });
    expect(await policyTest('--policy', path, '--image', good.reference, '--resource', web)).toMatchObject({ code: 0 });
    const ran = await policyTest('--policy', path, '--image', good.reference, '--resource', other, '-o', 'json');
    expect([ran.code, json(ran)]).toMatchObject([
      1,
      { images: [{ resource: 'Deployment default/web', verdict: 'fail' }] },
    ]);
  });

  test.each(['spec', 'metadata'])('without %s is 2, in the words of policy-tester', async (key_) => {
    const { [key_]: _left, ...rest } = deployment({}) as Readonly<Record<string, unknown>>;
    const ran = await policyTest(
      '--policy',
      file('p.json', allowed()),
      '--image',
      'a/b',
      '--resource',
      file('r.json', rest),
    );
    expect([ran.code, ran.err]).toEqual([2, expect.stringContaining(`kubernetes resource is missing ${key_} key`)]);
  });
});

describe('expectations', () => {
  const expectations = (...entries: readonly object[]) => file('expect.yaml', entries);

  test('that come out are 0', async () => {
    const path = file(
      'p.json',
      list(signed(), denied('elsewhere', { images: [{ glob: `${registry.host}/none/**` }] })),
    );
    const expected = expectations(
      { image: good.reference, verdict: 'pass' },
      { image: bad.reference, verdict: 'fail', contains: 'SIGNATURE_MISSING' },
      { image: good.reference, policy: 'elsewhere', verdict: 'no-match' },
      { image: `${registry.host}/none/app@${good.digest}`, policy: 'elsewhere', verdict: 'fail', contains: 'not here' },
    );
    const ran = await policyTest('--policy', path, '--expect', expected);
    expect([ran.code, ran.out]).toEqual([0, expect.stringContaining('4 of 4 as expected')]);
  });

  test('that do not are 1, and told with the reason', async () => {
    const expected = expectations(
      { image: bad.reference, verdict: 'pass' },
      { image: bad.reference, verdict: 'fail', contains: 'something else' },
      { image: good.reference, verdict: 'pass', policy: 'signed' },
    );
    const path = file('p.json', signed());
    const ran = await policyTest('--policy', path, '--expect', expected, '-o', 'json');
    expect(ran.code).toBe(1);
    expect(json(ran)).toMatchObject({
      expectations: [
        { result: 'fail', problem: expect.stringContaining('expected pass, but it is fail: SIGNATURE_MISSING') },
        { result: 'fail', problem: expect.stringContaining('expected a reason with "something else", but it is') },
        { result: 'pass' },
      ],
    });
    expect((await policyTest('--policy', path, '--expect', expected, '-o', 'junit')).out).toContain('failures="2"');
  });

  test('are neither kept nor broken when the registry is away', async () => {
    registry.inject(/./, status(500));
    const ran = await policyTest(
      '--policy',
      file('p.json', signed()),
      '--expect',
      expectations({ image: bad.reference, verdict: 'fail' }),
    );
    expect(ran).toMatchObject({ code: 3 });
  });

  test.each([
    { entries: 'a: b', error: 'no list' },
    { entries: '[]', error: 'no list' },
    { entries: '', error: 'expect.yaml' },
    { entries: '[{', error: 'expect.yaml' },
    { entries: '[{ verdict: pass }]', error: '[0].image is missing' },
    { entries: '[{ image: a/b, verdict: maybe }]', error: '[0].verdict' },
    { entries: '[{ image: a/b, verdict: pass, colour: red }]', error: 'unknown key "colour"' },
    { entries: '[{ image: a/b, verdict: pass, policy: nobody }]', error: 'no ClusterImagePolicy "nobody"' },
    { entries: '[{ image: 1, verdict: pass }]', error: '[0].image is no text' },
    { entries: '[{ image: a/b, verdict: pass, resource: nowhere.yaml }]', error: 'nowhere.yaml' },
  ])('$entries is 2', async ({ entries, error }) => {
    const ran = await policyTest('--policy', file('p.json', signed()), '--expect', file('expect.yaml', entries));
    expect([ran.code, ran.err]).toEqual([2, expect.stringContaining(error)]);
  });
});

describe('policies at an address', () => {
  const options = { noMatch: 'deny', publicTrustRoot: readPublicTrustRoot(undefined) } as const;
  let server: Server;

  async function serving(listener: RequestListener): Promise<string> {
    server = createServer(listener).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    return `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/policy.yaml`;
  }

  afterEach(async () => {
    server.closeAllConnections();
    server.close();
  });

  test('are fetched', async () => {
    const url = await serving((_request, response) => void response.end(JSON.stringify(allowed())));
    expect(await policyTest('--policy', url, '--image', good.reference)).toMatchObject({ code: 0 });
  });

  test.each<[string, RequestListener, string, number?]>([
    ['never comes', () => undefined, 'did not answer within 300 ms', 300],
    ['never ends', (_request, response) => void response.write('a'), 'did not answer within 300 ms', 300],
    ['has an error', (_request, response) => void response.writeHead(404).end(), 'status 404'],
    ['is too large', (_request, response) => void response.end('#'.repeat(2 ** 20 + 1)), 'larger than'],
    ['is no policy', (_request, response) => void response.end('kind: Pod'), '/policy.yaml: kind Pod'],
  ])('are told when the answer %s', async (_title, listener, problem, fetchMs = 15_000) => {
    const url = await serving(listener);
    await expect(namedPolicies([url], { ...options, fetchMs })).rejects.toThrow(problem);
  });
});

describe('a command line that is wrong is 2', () => {
  test.each([
    { args: [], named: '--policy' },
    { args: ['--policy', '/nowhere', '--image', 'a/b'], named: '/nowhere' },
    { args: ['--policy', 'GOOD'], named: '--image' },
    { args: ['--policy', 'GOOD', '--image', 'a/b', '--resource', '/nowhere'], named: '--resource' },
    { args: ['--policy', 'GOOD', '--image', 'a/b', '--trustroot', '/nowhere'], named: '/nowhere' },
    { args: ['--policy', 'GOOD', '--image', 'a/b', '--trusted-root', '/nowhere'], named: '--trusted-root' },
    { args: ['--policy', 'GOOD', '--image', 'a/b', '--expect', '/nowhere'], named: '--expect' },
    { args: ['--policy', 'GOOD', '--image', 'a/b', '-log-level', 'loud'], named: '--log-level' },
  ])('$args names $named', async ({ args, named }) => {
    const path = file('p.json', signed());
    const { code, err } = await policyTest(...args.map((arg) => (arg === 'GOOD' ? path : arg)));
    expect([code, err]).toEqual([2, expect.stringContaining(named)]);
  });
});
