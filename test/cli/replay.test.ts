import { once } from 'node:events';
import { createServer } from 'node:http';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { inOrder } from '../../src/cli/replay/in-order.ts';
import { createBench, type DemoImage } from '../../src/demo/images/bench.ts';
import { keyBundle } from '../../src/demo/images/key-images.ts';
import { status } from '../../src/demo/registry/faults.ts';
import { startRegistry, type DemoRegistry } from '../../src/demo/registry/serve.ts';
import { startSigstore } from '../../src/demo/sigstore/sigstore.ts';
import { json, run } from './run.ts';

let registry: DemoRegistry;
let signed: DemoImage;
let key: string;
let folder: string;

beforeAll(async () => {
  registry = await startRegistry();
  const sigstore = await startSigstore();
  const bench = createBench(registry, sigstore);
  signed = keyBundle(bench);
  key = bench.key.publicKeyPem;
  await sigstore.close();
});

afterAll(async () => registry.close());

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'replay-'));
  registry.reset();
});

afterEach(() => rmSync(folder, { recursive: true }));

function file(name: string, content: unknown): string {
  const path = join(folder, name);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

const lines = (name: string, ...values: readonly unknown[]): string => {
  const texts = values.map((value) => (typeof value === 'string' ? value : JSON.stringify(value)));
  return file(name, texts.map((text) => `${text}\n`).join(''));
};

const digest = `sha256:${'a'.repeat(64)}`;
const [shop, lab] = [`shop.example/app@${digest}`, `lab.example/app@${digest}`];

function policy(name: string, glob: string, authority: object): object {
  const spec = { images: [{ glob }], authorities: [authority] };
  return { apiVersion: 'policy.sigstore.dev/v1beta1', kind: 'ClusterImagePolicy', metadata: { name }, spec };
}

/** What is admitted of both; all else is refused. */
function policies(name: string, shopAction: 'pass' | 'fail', labAction: 'pass' | 'fail'): string {
  return file(name, {
    apiVersion: 'v1',
    kind: 'List',
    items: [
      policy('shop', 'shop.example/**', { static: { action: shopAction } }),
      policy('lab', 'lab.example/**', { static: { action: labAction } }),
    ],
  });
}

const pod = (image: string, name = 'app') => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name },
  spec: { containers: [{ name: 'main', image }] },
});

function review(image: string, name = 'app', response?: object): object {
  const [version, uid] = ['v1', `uid-${name}`];
  const request = {
    uid,
    kind: { group: '', version, kind: 'Pod' },
    resource: { group: '', version, resource: 'pods' },
    name,
    namespace: 'default',
    operation: 'CREATE',
    object: pod(image, name),
    oldObject: null,
  };
  return { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', request, ...(response && { response }) };
}

function auditEvent(image: string, members: object = {}): object {
  return {
    kind: 'Event',
    apiVersion: 'audit.k8s.io/v1',
    auditID: 'a',
    stage: 'ResponseComplete',
    verb: 'create',
    objectRef: { resource: 'pods', namespace: 'default', name: 'audited', apiVersion: 'v1' },
    responseStatus: { code: 201 },
    requestObject: pod(image),
    ...members,
  };
}

const replay = (...args: readonly string[]) => run('replay', '--insecure-registry', registry.host, ...args);

interface Printed {
  readonly requests: readonly Readonly<Record<string, unknown>>[];
  readonly summary: Readonly<Record<string, number>>;
}

// What the command promises to print.
const printed = (ran: Parameters<typeof json>[0]): Printed => json(ran) as Printed;

describe('against old policies', () => {
  test('tells what would newly be refused and admitted, and is 1', async () => {
    const path = lines('r.jsonl', review(shop, 'one'), review(lab, 'two'), review(`x.example/y@${digest}`, 'three'));
    const [now, before] = [policies('new.json', 'fail', 'pass'), policies('old.json', 'pass', 'fail')];
    const ran = await replay('-f', path, '--policies', now, '--against', before, '-o', 'json');
    expect([ran.code, ran.err]).toEqual([1, '']);
    expect(printed(ran)).toMatchObject({
      requests: [
        {
          where: `${path}:1`,
          name: 'one',
          result: 'newly-refused',
          before: 'admit',
          after: 'refuse',
          reasons: [{ code: 'STATIC_FAIL', policy: 'shop' }],
        },
        { where: `${path}:2`, name: 'two', result: 'newly-admitted', before: 'refuse', after: 'admit' },
      ],
      summary: { requests: 3, 'newly-refused': 1, 'newly-admitted': 1, same: 1, broken: 0 },
    });
    const text = await replay('-f', path, '--policies', now, '--against', before);
    expect(text.out).toMatch(
      /^newly-refused {2}Pod default\/one [^]*3 requests: 1 newly-refused, 1 newly-admitted, 1 same\n$/,
    );
  });

  test('is 0 when nothing changes, or more is admitted', async () => {
    const path = lines('r.jsonl', review(shop), review(lab));
    const [strict, lax] = [policies('a.json', 'pass', 'fail'), policies('b.json', 'pass', 'pass')];
    expect(await replay('-f', path, '--policies', strict, '--against', strict)).toMatchObject({
      code: 0,
      out: '2 requests: 2 same\n',
    });
    expect(await replay('-f', path, '--policies', lax, '--against', strict)).toMatchObject({ code: 0 });
  });

  test('tells what would be stored otherwise', async () => {
    const byKey = file('key.json', policy('team', '**', { key: { data: key } }));
    const none = file('none.json', policy('team', 'other.example/**', { static: { action: 'pass' } }));
    const path = lines('r.jsonl', review(signed.reference));
    const ran = await replay(
      '-f',
      path,
      '--policies',
      byKey,
      '--against',
      none,
      '--on-no-match',
      'allow',
      '-o',
      'json',
    );
    expect([ran.code, printed(ran).requests]).toMatchObject([
      0,
      [
        {
          result: 'changed',
          changes: [{ field: 'spec.containers[0].image', after: `${signed.reference}@${signed.digest}` }],
        },
      ],
    ]);
  });

  test('is 3 when it cannot be decided', async () => {
    const byKey = file('key.json', policy('team', '**', { key: { data: key } }));
    registry.inject(/./, status(500));
    const ran = await replay('-f', lines('r.jsonl', review(signed.reference)), '--policies', byKey, '-o', 'json');
    expect([ran.code, printed(ran)]).toMatchObject([3, { summary: { undecided: 1 } }]);
  });
});

describe('without old policies, the verdict of before is', () => {
  const verdicts = async (path: string, ...args: readonly string[]) => {
    const now = policies('new.json', 'fail', 'pass');
    return printed(await replay('-f', path, '--policies', now, '-o', 'json', ...args)).summary;
  };

  test('that of the response that is stored beside it', async () => {
    const refused = review(lab, 'one', { uid: 'u', allowed: false });
    const path = lines('r.jsonl', refused, review(shop, 'two', { uid: 'u', allowed: true }));
    expect(await verdicts(path)).toMatchObject({ 'newly-refused': 1, 'newly-admitted': 1 });
  });

  test('that of the decision log', async () => {
    const path = lines('r.jsonl', review(shop, 'one'), review(lab, 'two'));
    const log = lines('log.jsonl', { uid: 'uid-one', verdict: 'refuse' }, { uid: 'uid-two', verdict: 'admit' });
    const { err } = await replay('-f', path, '--policies', policies('n.json', 'fail', 'pass'), '--decision-log', log);
    // A line that is in no chain is told, and not believed.
    expect(err).toContain('log.jsonl:1: not a decision');
    expect(await verdicts(path, '--decision-log', log)).toMatchObject({ 'newly-refused': 1, same: 1 });
  });

  test('that of the audit log', async () => {
    const path = lines(
      'audit.log',
      auditEvent(shop),
      auditEvent(lab, { responseStatus: { code: 403 } }),
      auditEvent(shop, { responseStatus: { code: 403 }, annotations: { 'authorization.k8s.io/decision': 'forbid' } }),
      auditEvent(shop, { stage: 'RequestReceived' }),
      auditEvent(shop, { verb: 'patch' }),
      auditEvent(shop, { objectRef: { resource: 'pods', subresource: 'exec', apiVersion: 'v1' } }),
      auditEvent(shop, { objectRef: { resource: 'secrets', apiVersion: 'v1' } }),
    );
    expect(await verdicts(path)).toMatchObject({ requests: 2, 'newly-refused': 1, 'newly-admitted': 1, broken: 0 });
  });

  test('that it was admitted, where nobody says', async () => {
    expect(await verdicts(lines('r.jsonl', review(shop)))).toMatchObject({ 'newly-refused': 1 });
  });
});

describe('input', () => {
  test('is read from folders, YAML, JSON and lines alike', async () => {
    mkdirSync(join(folder, 'reviews'));
    file('reviews/a.json', JSON.stringify(review(shop, 'pretty'), null, 2));
    lines('reviews/b.json', review(shop, 'one'), review(shop, 'two'));
    file('reviews/c.yaml', `${JSON.stringify(pod(shop, 'manifest'))}\n---\n${JSON.stringify(review(shop, 'yaml'))}\n`);
    const ran = await replay(
      '-f',
      join(folder, 'reviews'),
      '--policies',
      policies('n.json', 'fail', 'pass'),
      '-o',
      'json',
    );
    expect(printed(ran).requests.map(({ name }) => name)).toEqual(['pretty', 'one', 'two', 'manifest', 'yaml']);
  });

  test('that is broken is told with its line, does not end the run, and is 2', async () => {
    const path = lines(
      'r.jsonl',
      review(shop),
      '{broken',
      '',
      '[]',
      '{"kind":"Pod"}',
      '{"kind":"AdmissionReview"}',
      auditEvent(shop, { requestObject: undefined }),
      review(lab),
    );
    const ran = await replay('-f', path, '--policies', policies('n.json', 'pass', 'pass'), '-o', 'json');
    expect(ran.code).toBe(2);
    expect(printed(ran).summary).toMatchObject({ requests: 2, same: 2, broken: 5 });
    expect(ran.err.match(/jsonl:\d+/g)).toEqual(['jsonl:2', 'jsonl:4', 'jsonl:5', 'jsonl:6', 'jsonl:7']);
  });

  test('that steers terminals does not', async () => {
    const path = lines('r.jsonl', review(`shop.example/\u001b[2J@${digest}`, '\u001b[2J'));
    const { out } = await replay('-f', path, '--policies', policies('n.json', 'fail', 'pass'));
    expect(out).not.toContain('\u001b');
  });

  test('of ten thousand requests comes out in their order', async () => {
    const reviews = Array.from({ length: 10_000 }, (_, index) => review(index % 2 === 0 ? shop : lab, `pod-${index}`));
    const now = policies('n.json', 'fail', 'pass');
    const ran = await replay('-f', lines('r.jsonl', ...reviews), '--policies', now, '-o', 'json');
    const { requests, summary } = printed(ran);
    expect([ran.code, summary]).toMatchObject([1, { requests: 10_000, 'newly-refused': 5_000, same: 5_000 }]);
    expect(requests.map(({ name }) => name)).toEqual(Array.from({ length: 5_000 }, (_, index) => `pod-${2 * index}`));
  }, 120_000);
});

describe('what a cluster has', () => {
  test('is listed page by page and judged; of what is not handed out is 3', async () => {
    const answers: Readonly<Record<string, unknown>> = {
      '/api/v1/namespaces': [{ metadata: { name: 'shop' } }],
      '/api/v1/pods': [
        { ...pod(shop, 'a'), metadata: { name: 'a', namespace: 'shop' } },
        { ...pod(shop, 'b'), metadata: { name: 'b', namespace: 'other' } },
      ],
      '/apis/apps/v1/replicasets': [
        { metadata: { name: 'kept', namespace: 'shop', ownerReferences: [{ controller: true }] }, spec: {} },
      ],
    };
    const server = createServer((request, response) => {
      const [path = ''] = (request.url ?? '').split('?', 1);
      if (path.endsWith('/cronjobs')) {
        response.writeHead(403, { 'content-type': 'application/json' }).end('{"kind":"Status"}');
        return;
      }
      const list = { kind: 'List', apiVersion: 'v1', metadata: {}, items: answers[path] ?? [] };
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(list));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
    const kubeconfig = file('kubeconfig', {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'c', cluster: { server: url, 'insecure-skip-tls-verify': true } }],
      users: [{ name: 'u', user: {} }],
      contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
      'current-context': 'x',
    });
    try {
      const refusing = await replay(
        '--kubeconfig',
        kubeconfig,
        '--policies',
        policies('n.json', 'fail', 'pass'),
        '-o',
        'json',
      );
      expect([refusing.code, printed(refusing)]).toMatchObject([
        1,
        { requests: [{ where: 'Pod shop/a', result: 'newly-refused' }], summary: { requests: 1, unreachable: 1 } },
      ]);
      expect(refusing.err).toContain('cronjobs: ');
      const admitting = await replay('--kubeconfig', kubeconfig, '--policies', policies('n.json', 'pass', 'pass'));
      expect(admitting).toMatchObject({ code: 3, out: '1 requests: 1 same, 1 unreachable\n' });
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
});

describe('a command line that is wrong is 2', () => {
  test.each([
    { args: ['--policies', 'GOOD'], named: '--file' },
    { args: ['-f', '/nowhere', '--policies', 'GOOD'], named: '--file' },
    { args: ['-f', 'GOOD'], named: '--policies' },
    { args: ['-f', 'GOOD', '--policies', '/nowhere'], named: '/nowhere' },
    { args: ['-f', 'GOOD', '--policies', 'GOOD', '--against', '/nowhere'], named: '/nowhere' },
    { args: ['-f', 'GOOD', '--policies', 'GOOD', '--decision-log', '/nowhere/log'], named: '--decision-log' },
    { args: ['-f', 'GOOD', '--policies', 'GOOD', '--kubeconfig', 'GOOD'], named: '--kubeconfig' },
  ])('$args names $named', async ({ args, named }) => {
    const path = policies('p.json', 'pass', 'pass');
    const { code, err } = await replay(...args.map((arg) => (arg === 'GOOD' ? path : arg)));
    expect([code, err]).toEqual([2, expect.stringContaining(named)]);
  });
});

describe('in order', () => {
  async function* numbers(count: number): AsyncGenerator<number> {
    for (let index = 0; index < count; index += 1) yield index;
  }

  test('keeps the order and at most so many at a time', async () => {
    let running = 0;
    let most = 0;
    const work = async (item: number): Promise<number> => {
      most = Math.max(most, (running += 1));
      await new Promise((resolve) => void setTimeout(resolve, (item * 7) % 5));
      running -= 1;
      return item;
    };
    const results: number[] = [];
    for await (const result of inOrder(numbers(50), 4, work)) results.push(result);
    expect(results).toEqual([...Array.from({ length: 50 }).keys()]);
    expect(most).toBeLessThanOrEqual(4);
  });

  test('ends with the first that fails', async () => {
    const work = async (item: number): Promise<number> => {
      if (item === 3) throw new Error('three');
      return item;
    };
    const all = async (): Promise<void> => {
      for await (const _result of inOrder(numbers(10), 4, work));
    };
    await expect(all()).rejects.toThrow('three');
  });
});
