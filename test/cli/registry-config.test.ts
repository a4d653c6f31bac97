import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createBench, type DemoImage } from '../../src/demo/images/bench.ts';
import { keyBundle } from '../../src/demo/images/key-images.ts';
import { startRegistry, type DemoRegistry } from '../../src/demo/registry/serve.ts';
import { startSigstore, type Sigstore } from '../../src/demo/sigstore/sigstore.ts';
import { run } from './run.ts';

const folder = mkdtempSync(join(tmpdir(), 'registry-config-'));
const key = join(folder, 'cosign.pub');
let registry: DemoRegistry;
let sigstore: Sigstore;
let signed: DemoImage;

beforeAll(async () => {
  registry = await startRegistry();
  sigstore = await startSigstore();
  const bench = createBench(registry, sigstore);
  signed = keyBundle(bench);
  writeFileSync(key, bench.key.publicKeyPem);
});

afterAll(async () => {
  await Promise.all([registry.close(), sigstore.close()]);
  rmSync(folder, { recursive: true });
});

function config(text: string): string {
  const file = join(folder, 'registries.yaml');
  writeFileSync(file, text);
  return file;
}

test('images are verified at the place to which the registry file sends their names', async () => {
  const file = config(`
    registries: [{ host: "${registry.host}", insecure: true }]
    rewrite: [{ from: images.example, to: "${registry.host}" }]
  `);
  const image = signed.reference.replace(registry.host, 'images.example');
  const answer = await run('verify', image, '--key', key, '--registry-config', file);
  expect(answer.out).toContain('images.example/');
  expect(answer.code).toBe(0);
});

test.each([
  [
    'a field that is wrong',
    'registries: [{ host: a.example, insecur: true }]',
    'registries[0].insecur is not a setting',
  ],
  ['a text that is no YAML', 'registries: [', 'it cannot be read'],
])('%s ends the command before any registry is asked', async (_name, text, expected) => {
  registry.reset();
  const file = config(text);
  const answer = await run('verify', signed.reference, '--key', key, '--registry-config', file);
  expect(answer.code).toBe(2);
  expect(answer.err).toContain(`--registry-config: ${file}: ${expected}`);
  expect(registry.log()).toEqual([]);
});

test('a file that is not there is named', async () => {
  const answer = await run('verify', signed.reference, '--key', key, '--registry-config', '/nowhere.yaml');
  expect(answer.err).toContain('--registry-config: cannot read /nowhere.yaml');
});
