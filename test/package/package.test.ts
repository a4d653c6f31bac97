/** What `npm pack` makes, installed as anybody would install it, and run by the Node of this repository. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join, relative } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { versionOfPackage } from '../../src/cli/version.ts';
import { createBench } from '../../src/demo/images/bench.ts';
import { keyBundle, unsigned } from '../../src/demo/images/key-images.ts';
import { startRegistry } from '../../src/demo/registry/serve.ts';
import { startSigstore } from '../../src/demo/sigstore/sigstore.ts';

const repository = join(import.meta.dirname, '..', '..');
const nodeFolder = join(repository, 'node_modules', 'node', 'bin');
const policy = join(repository, 'policies', 'static-fail.yaml');

let folder: string;
let sources: readonly string[];
let contents: readonly string[];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'countersign-package-'));
  sources = filesIn(join(repository, 'src')).filter((file) => file !== 'tsconfig.json');
  const packed = await run('npm', ['pack', '--json', '--pack-destination', folder], repository);
  contents = filesOf(packed);
  const archive = join(folder, `countersign-${versionOfPackage()}.tgz`);
  const home = join(folder, 'home');
  mkdirSync(home);
  const install = ['install', '--prefer-offline', '--ignore-scripts', '--no-audit', '--no-fund', archive];
  const { code, err } = await run('npm', install, home);
  if (code !== 0) throw new Error(`the package cannot be installed: ${err}`);
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const countersign = (...args: readonly string[]): Promise<Ran> =>
  run(join(folder, 'home/node_modules/.bin/countersign'), args, folder);

interface Ran {
  readonly code: unknown;
  readonly out: string;
  readonly err: string;
}

async function run(program: string, args: readonly string[], cwd: string): Promise<Ran> {
  const env = { ...process.env, PATH: `${nodeFolder}${delimiter}${process.env['PATH'] ?? ''}` };
  const child = spawn(program, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], timeout: 60_000 });
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  return { code: code as unknown, out, err };
}

/** From what `npm pack --json` says. */
function filesOf({ code, out, err }: Ran): readonly string[] {
  if (code !== 0) throw new Error(`npm pack failed: ${err}`);
  const [packed] = JSON.parse(out) as readonly { readonly files: readonly { readonly path: string }[] }[];
  return packed?.files.map(({ path }) => path) ?? [];
}

function filesIn(place: string): readonly string[] {
  const entries = readdirSync(place, { recursive: true, withFileTypes: true });
  return entries.flatMap((entry) => (entry.isFile() ? [relative(place, join(entry.parentPath, entry.name))] : []));
}

describe('the package', () => {
  test('holds the compiled program and nothing else', () => {
    const outside = contents.filter((file) => !/^dist\/.+\.js$/.test(file));
    const evaluator = ['NOTICE', 'wasm.br'].map((end) => `dist/adapters/policy-languages/evaluator.${end}`);
    expect(outside.toSorted()).toEqual(['LICENSE', 'README.md', ...evaluator, 'package.json']);
    expect(contents.filter((file) => file.includes('demo'))).toEqual(['dist/cli/load-demo.js']);
  });

  test('holds every source, and no source needs a file that is not compiled', () => {
    const others = sources.filter((file) => !file.endsWith('.ts'));
    expect(
      others.filter((file) => !/^adapters\/policy-languages\/(?:go\/|evaluator\.(?:NOTICE|wasm\.br)$)/.test(file)),
    ).toEqual([]);
    const left = sources.filter((file) => file.endsWith('.ts') && !/^(?:demo\/|cli\/demo(?:-scene)?\.ts$)/.test(file));
    const compiled = left.map((file) => `dist/${file.replace(/ts$/, 'js')}`);
    expect(contents.filter((file) => file.startsWith('dist/') && file.endsWith('.js')).toSorted()).toEqual(
      compiled.toSorted(),
    );
  });

  test('leaves nothing behind in the repository', () => {
    expect(readdirSync(repository)).not.toContain('dist');
    expect(readdirSync(repository).filter((file) => file.endsWith('.tgz'))).toEqual([]);
  });

  test('installs no development dependency', () => {
    const installed = readdirSync(join(folder, 'home/node_modules'));
    expect(installed).toContain('countersign');
    expect(installed).toContain('commander');
    for (const name of ['typescript', 'vitest', 'knip', 'node']) expect(installed).not.toContain(name);
  });
});

describe('countersign, installed', () => {
  test('says its version', async () => {
    expect(await countersign('--version')).toEqual({ code: 0, out: `${versionOfPackage()}\n`, err: '' });
  });

  test('lints a good policy', async () => {
    const { code, out } = await countersign('policy', 'lint', '-f', policy);
    expect(out).not.toBe('');
    expect(code).toBe(0);
  });

  test('refuses a broken policy', async () => {
    const broken = join(folder, 'broken.yaml');
    writeFileSync(
      broken,
      'apiVersion: policy.sigstore.dev/v1beta1\nkind: ClusterImagePolicy\nmetadata: {name: x}\nspec: {}\n',
    );
    const { code, out, err } = await countersign('policy', 'lint', '-f', broken);
    expect(`${out}${err}`).toContain('spec.images');
    expect(code).toBe(1);
  });

  test('reviews a manifest: the refusal of the policy and its exit code', async () => {
    const pod = join(folder, 'pod.yaml');
    const spec = '{containers: [{name: web, image: nginx:1}]}';
    writeFileSync(pod, `apiVersion: v1\nkind: Pod\nmetadata: {name: web, namespace: shop}\nspec: ${spec}\n`);
    const { code, out } = await countersign('review', '-f', pod, '--policies', policy);
    expect(out).toContain('Docker Hub is not allowed here');
    expect(code).toBe(1);
  });

  test.each([
    ['cue', 'authorityMatches: free: static: true', 0],
    ['cue', 'authorityMatches: free: static: false', 1],
    ['rego', 'package sigstore\n\nisCompliant { input.authorityMatches.free.static }', 0],
    ['rego', 'package sigstore\n\nisCompliant { not input.authorityMatches.free.static }', 1],
    ['cel', 'authorityMatches.free.static', 0],
    ['cel', '!authorityMatches.free.static', 1],
  ])('evaluates %s: %s', async (type, data, expected) => {
    const file = join(folder, 'code.yaml');
    const authorities = [{ name: 'free', static: { action: 'pass' } }];
    const spec = { images: [{ glob: '**' }], authorities, policy: { type, data } };
    const head = { apiVersion: 'policy.sigstore.dev/v1beta1', kind: 'ClusterImagePolicy', metadata: { name: 'code' } };
    writeFileSync(file, JSON.stringify({ ...head, spec }));
    const image = `registry.example/app@sha256:${'1a'.repeat(32)}`;
    expect(await countersign('policy', 'test', '--policy', file, '--image', image)).toMatchObject({ code: expected });
  });

  test('verifies: what is signed with the key passes, what nobody signed does not', async () => {
    const registry = await startRegistry();
    const sigstore = await startSigstore();
    const bench = createBench(registry, sigstore);
    const images = [keyBundle(bench), unsigned(bench)];
    await sigstore.close();
    onTestFinished(() => registry.close());
    const key = join(folder, 'cosign.pub');
    writeFileSync(key, bench.key.publicKeyPem);
    const codes: unknown[] = [];
    for (const { reference, digest } of images) {
      const { code, out } = await countersign('verify', reference, '--insecure-registry', registry.host, '--key', key);
      expect(out).toContain(digest);
      codes.push(code);
    }
    expect(codes).toEqual([0, 1]);
  });

  test('finds the public trust root, which comes with a dependency', async () => {
    const signer = ['--certificate-identity', 'x@example.org', '--certificate-oidc-issuer', 'https://example.org'];
    const { code, out } = await countersign(
      'verify',
      '127.0.0.1:1/web:1',
      '--insecure-registry',
      '127.0.0.1:1',
      ...signer,
    );
    expect(out).toContain('REGISTRY_UNREACHABLE');
    expect(code).toBe(3);
  });

  test('says in a sentence that the demo needs a checkout', async () => {
    const { code, out, err } = await countersign('demo');
    expect(err).toMatch(/^countersign: the demo is not part of an installation: run .* in a checkout\n$/);
    expect({ code, out }).toEqual({ code: 2, out: '' });
  });

  test('refuses a command that does not exist', async () => {
    const { code, err } = await countersign('frobnicate');
    expect(err).toContain('frobnicate');
    expect(code).toBe(2);
  });
});
