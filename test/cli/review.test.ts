import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { createBench, type DemoImage } from '../../src/demo/images/bench.ts';
import { demoPolicies } from '../../src/demo/images/demo-policies.ts';
import { keyBundle, unsigned } from '../../src/demo/images/key-images.ts';
import { startRegistry, type DemoRegistry } from '../../src/demo/registry/serve.ts';
import { startSigstore } from '../../src/demo/sigstore/sigstore.ts';
import { json, run } from './run.ts';

interface Reviewed {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly verdict: string;
  readonly reasons: readonly Readonly<Record<string, string>>[];
  readonly warnings: readonly string[];
  readonly patched: unknown;
}

let root: string;
let registry: DemoRegistry;
let good: DemoImage;
let bad: DemoImage;
let folder: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'countersign-review-'));
  registry = await startRegistry();
  const sigstore = await startSigstore();
  const bench = createBench(registry, sigstore);
  [good, bad] = [keyBundle(bench), unsigned(bench)];
  await mkdir(join(root, 'policies'));
  for (const { name, text: content } of demoPolicies(bench)) await writeFile(join(root, 'policies', name), content);
  await sigstore.close();
});

afterAll(async () => {
  await registry.close();
  await rm(root, { recursive: true });
});

beforeEach(async () => {
  folder = await mkdtemp(join(root, 'manifests-'));
  registry.reset();
});

async function file(name: string, content: unknown): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

function flagsFor(files: readonly string[]): readonly string[] {
  const policies = ['--policies', join(root, 'policies'), '--insecure-registry', registry.host];
  return ['review', ...files.flatMap((path) => ['-f', path]), ...policies];
}

async function review(...files: readonly string[]) {
  const ran = await run(...flagsFor(files), '--output', 'json');
  // What the command promises to print.
  return { code: ran.code, ...(json(ran) as { verdict: string; documents: readonly Reviewed[] }) };
}

function pod(image: unknown, name = 'app'): Record<string, unknown> {
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec: { containers: [{ name: 'main', image }] } };
}

function deployment(...images: readonly string[]): Record<string, unknown> {
  const containers = images.map((image, index) => ({ name: `c${index}`, image }));
  const metadata = { name: 'web', namespace: 'shop' };
  return { apiVersion: 'apps/v1', kind: 'Deployment', metadata, spec: { template: { spec: { containers } } } };
}

describe('a manifest', () => {
  test('with a signed image is admitted, and shown as it would be stored', async () => {
    const reviewed = await review(await file('pod.json', pod(good.reference)));

    expect(reviewed).toStrictEqual({
      code: 0,
      verdict: 'admit',
      documents: [
        {
          kind: 'Pod',
          namespace: 'default',
          name: 'app',
          verdict: 'admit',
          reasons: [],
          warnings: [],
          changes: [
            {
              field: 'spec.containers[0].image',
              before: good.reference,
              after: `${good.reference}@${good.digest}`,
            },
          ],
          patched: pod(`${good.reference}@${good.digest}`),
        },
      ],
    });
  });

  test('with an unsigned image is refused, with code, field, image and policy', async () => {
    const reviewed = await review(await file('web.json', deployment(good.reference, bad.reference)));

    expect(reviewed).toMatchObject({
      code: 1,
      verdict: 'refuse',
      documents: [
        {
          kind: 'Deployment',
          namespace: 'shop',
          name: 'web',
          verdict: 'refuse',
          reasons: [
            {
              code: 'SIGNATURE_MISSING',
              field: 'spec.template.spec.containers[1].image',
              image: `${bad.reference}@${bad.digest}`,
              policy: 'demo-key',
            },
          ],
          patched: deployment(`${good.reference}@${good.digest}`, `${bad.reference}@${bad.digest}`),
        },
      ],
    });
    expect(reviewed.documents[0]?.reasons[0]?.['message']).toContain('no signatures found');
  });

  test('that the registry does not answer for is not decided', async () => {
    registry.inject(/./, (_request, response) => void response.writeHead(500).end(), 1_000);
    const reviewed = await review(await file('pod.json', pod(good.reference)));

    expect(reviewed).toMatchObject({ code: 3, verdict: 'error', documents: [{ verdict: 'error' }] });
    expect(reviewed.documents[0]?.reasons[0]?.['code']).toMatch(/^REGISTRY_/);
  });

  test('that is refused outweighs one that is not decided', async () => {
    const elsewhere = await file('elsewhere.json', pod('docker.io/library/nginx'));
    registry.inject(/./, (_request, response) => void response.writeHead(500).end(), 1_000);
    const reviewed = await review(await file('pod.json', pod(good.reference)), elsewhere);

    expect(reviewed).toMatchObject({
      code: 1,
      verdict: 'refuse',
      documents: [{ verdict: 'error' }, { verdict: 'refuse' }],
    });
  });

  test('of a kind without images is admitted, and it is said that nobody looked', async () => {
    const config = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'c' }, data: { image: bad.reference } };
    const reviewed = await review(await file('config.json', config));

    expect(reviewed).toMatchObject({
      code: 0,
      documents: [{ verdict: 'admit', warnings: ['this kind is not judged'] }],
    });
  });

  test.each<[string, unknown]>([
    ['an old version of a known kind', { ...deployment('docker.io/library/nginx'), apiVersion: 'apps/v1beta1' }],
    ['containers that are no list', { apiVersion: 'v1', kind: 'Pod', spec: { containers: { image: 'x' } } }],
    ['labels that are no texts', { ...pod('docker.io/library/nginx'), metadata: { labels: { a: 1 } } }],
  ])('with %s is not admitted', async (_title, manifest) => {
    const reviewed = await review(await file('odd.json', manifest));

    expect(reviewed).toMatchObject({ code: 3, verdict: 'error' });
  });

  test.each<[string, () => unknown, string]>([
    ['an empty image', () => '', 'IMAGE_MISSING'],
    ['a number for an image', () => 7, 'IMAGE_MISSING'],
    ['an image that no policy matches', () => 'docker.io/library/nginx:1', 'NO_MATCHING_POLICY'],
    ['an image that is not there', () => `${registry.host}/key/missing:1`, 'IMAGE_NOT_FOUND'],
  ])('with %s is refused', async (_title, image, code) => {
    const reviewed = await review(await file('odd.json', pod(image())));

    expect(reviewed).toMatchObject({ code: 1, verdict: 'refuse', documents: [{ reasons: [{ code }] }] });
  });

  test('that no policy matches may be let through with a warning', async () => {
    const path = await file('pod.json', pod('docker.io/library/nginx:1'));
    const { code, out } = await run(...flagsFor([path]), '--on-no-match', 'warn', '--output', 'json');

    expect({ code, ...(JSON.parse(out) as object) }).toMatchObject({ code: 0, verdict: 'admit' });
    expect(out).toContain('NO_MATCHING_POLICY');
  });
});

/** Each line is ten of the line before. */
const bomb = Array.from({ length: 9 }, (_, index) => {
  const items = index === 0 ? 'x' : Array.from({ length: 10 }, () => `*l${index - 1}`).join(', ');
  return `l${index}: &l${index} [${items}]\n`;
}).join('');

describe('files', () => {
  test('may hold several documents and lists', async () => {
    const list = { apiVersion: 'v1', kind: 'List', items: [pod(good.reference, 'two'), pod(bad.reference, 'three')] };
    const documents = [pod(good.reference, 'one'), list].map((document) => JSON.stringify(document));
    const path = await file('all.yaml', `# nothing\n---\n${documents.join('\n---\n')}\n---\n`);

    const reviewed = await review(path);

    expect(reviewed.documents.map(({ name, verdict }) => [name, verdict])).toStrictEqual([
      ['one', 'admit'],
      ['two', 'admit'],
      ['three', 'refuse'],
    ]);
    expect(reviewed.code).toBe(1);
  });

  test('may be many, or all of a folder', async () => {
    const other = await file('b.yaml', pod(good.reference, 'b'));
    await file('a.json', pod(bad.reference, 'a'));
    await file('README.md', 'no manifest');

    expect((await review(folder, other)).documents.map(({ name }) => name)).toStrictEqual(['a', 'b', 'b']);
  });

  test('may come over standard input', async () => {
    const main = new URL('../../src/main.ts', import.meta.url).pathname;
    const program = spawn(process.execPath, [main, ...flagsFor(['-']), '--output', 'json']);
    program.stdin.end(JSON.stringify(pod(good.reference)));
    const [out, [code]] = await Promise.all([text(program.stdout), once(program, 'exit')]);

    expect({ code: code as unknown, ...(JSON.parse(out) as object) }).toMatchObject({ code: 0, verdict: 'admit' });
  });

  test.each<[string, string, string]>([
    ['no YAML', 'a: [', 'document 1'],
    ['a key twice', 'apiVersion: v1\nkind: Pod\nkind: ConfigMap\n', 'occurs twice'],
    ['no manifest', 'a: 1\n', 'a manifest needs apiVersion and kind'],
    ['a text', 'hello\n', 'a manifest needs apiVersion and kind'],
    ['an item that is none', JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [{}] }), 'items[0]'],
    ['a review without request', 'apiVersion: admission.k8s.io/v1\nkind: AdmissionReview\n', 'needs a request'],
    ['nothing', '---\n', 'there is no manifest in'],
    [
      'ever more aliases',
      `${bomb}apiVersion: v1
kind: Pod
`,
      'alias',
    ],
  ])('that hold %s are an error of usage', async (_title, content, why) => {
    const { code, out, err } = await run(...flagsFor([await file('odd.yaml', content)]));

    expect({ code, out }).toStrictEqual({ code: 2, out: '' });
    expect(err).toContain(why);
  });

  test.each<[string, () => readonly string[]]>([
    ['a file that is not there', () => flagsFor([join(folder, 'missing.yaml')])],
    ['an empty folder', () => flagsFor([folder])],
    ['no file', () => flagsFor([])],
    ['no policies', () => ['review', '-f', folder]],
    ['policies that are not there', () => ['review', '-f', folder, '--policies', join(folder, 'missing')]],
    ['an unknown flag', () => [...flagsFor([folder]), '--allow-everything']],
    ['an unknown output', () => [...flagsFor([folder]), '--output', 'xml']],
    ['an unknown mode', () => [...flagsFor([folder]), '--on-no-match', 'perhaps']],
  ])('%s: an error of usage', async (_title, args) => {
    const { code, out } = await run(...args());

    expect({ code, out }).toStrictEqual({ code: 2, out: '' });
  });

  test('policies that are broken judge nothing', async () => {
    const policies = await file('policy.yaml', 'apiVersion: policy.sigstore.dev/v1beta1\nkind: ClusterImagePolicy\n');
    const path = await file('pod.json', pod(good.reference));
    const { code, err } = await run('review', '-f', path, '--policies', policies);

    expect(code).toBe(2);
    expect(err).toContain('policy.yaml');
  });
});

describe('an AdmissionReview in a file', () => {
  const reviewOf = (request: object) => ({
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid: 'uid-1',
      kind: { group: '', version: 'v1', kind: 'Pod' },
      resource: { group: '', version: 'v1', resource: 'pods' },
      name: 'app',
      namespace: 'team',
      operation: 'CREATE',
      userInfo: {},
      ...request,
    },
  });

  test('is asked as it is', async () => {
    const object = pod(good.reference);
    const reviewed = await review(await file('review.json', reviewOf({ object })));

    expect(reviewed).toMatchObject({
      code: 0,
      documents: [
        {
          kind: 'Pod',
          namespace: 'team',
          name: 'app',
          verdict: 'admit',
          patched: pod(`${good.reference}@${good.digest}`),
        },
      ],
    });
  });

  test.each<[string, () => object, number]>([
    ['a creation of what is not signed', () => ({ object: pod(bad.reference) }), 1],
    [
      'an update that changes no image',
      () => ({ operation: 'UPDATE', object: pod(bad.reference), oldObject: pod(bad.reference) }),
      0,
    ],
    [
      'an update that does',
      () => ({ operation: 'UPDATE', object: pod(bad.reference), oldObject: pod(good.reference) }),
      1,
    ],
    ['a deletion', () => ({ operation: 'DELETE', object: null, oldObject: pod(bad.reference) }), 0],
    [
      'a kind that the webhook does not know',
      () => ({ resource: { group: '', version: 'v1', resource: 'configmaps' }, object: {} }),
      3,
    ],
    ['a request that makes no sense', () => ({ operation: 'PERHAPS' }), 3],
  ])('%s', async (_title, request, code) => {
    expect((await review(await file('review.json', reviewOf(request())))).code).toBe(code);
  });
});

describe('the output', () => {
  test('for people names every reason under its manifest', async () => {
    const { out } = await run(
      ...flagsFor([await file('a.json', pod(good.reference, 'a')), await file('b.json', pod(bad.reference, 'b'))]),
    );

    const [first, change, second, third] = out.split('\n');
    expect(first).toBe('admit  Pod default/a');
    expect(change).toBe(`  ~ spec.containers[0].image: ${good.reference} → ${good.reference}@${good.digest}`);
    expect(second).toBe('refuse  Pod default/b');
    expect(third).toMatch(/^ {2}SIGNATURE_MISSING spec\.containers\[0\]\.image: 127\.0\.0\.1/);
  });

  test('as YAML says what the JSON says', async () => {
    const path = await file('web.json', deployment(good.reference, bad.reference));
    const { out: json } = await run(...flagsFor([path]), '--output', 'json');
    const { out: yaml } = await run(...flagsFor([path]), '--output', 'yaml');

    expect(parse(yaml)).toStrictEqual(JSON.parse(json));
  });
});
