/** The same on the command line: exit code 2 for what the caller wrote, 3 for what a registry did, 1 for a refusal. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { newSigningKey } from '../../src/demo/images/signing-key.ts';
import { alwaysChallenge, endless, html, status, tooManyRequests } from '../../src/demo/registry/faults.ts';
import { pushImage } from '../../src/demo/registry/images.ts';
import { startRegistry, type DemoRegistry, type Fault } from '../../src/demo/registry/serve.ts';
import { run, type Ran } from '../cli/run.ts';
import { usualPolicies } from './gate.ts';
import { aliasBomb } from './yaml-bombs.ts';

const key = newSigningKey();
let folder: string;
let registry: DemoRegistry;
let policies: string;
let pod: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'countersign-bad-input-'));
  registry = await startRegistry();
  policies = await file('policies.yaml', usualPolicies({ registry, key })[0]?.text ?? '');
  pod = await file('pod.yaml', podYaml(`${registry.host}/key/app:1.0`));
});
afterEach(() => registry.reset());
afterAll(async () => {
  await registry.close();
  await rm(folder, { recursive: true });
});

async function file(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}

function podYaml(image: string): string {
  return `apiVersion: v1\nkind: Pod\nmetadata: { name: main, namespace: demo }\nspec: { containers: [{ name: a, image: "${image}" }] }\n`;
}

const review = (manifest: string, by = policies): Promise<Ran> =>
  run('review', '-f', manifest, '--policies', by, '--insecure-registry', registry.host);
const verify = (image: string, by = policies): Promise<Ran> =>
  run('verify', image, '--policies', by, '--insecure-registry', registry.host);

/** A sentence about what was wrong, in one line behind the program's name, and nothing else. */
function usageError(says: RegExp): unknown {
  return { code: 2, out: '', err: expect.stringMatching(new RegExp(`^countersign: .*(?:${says.source}).*\n$`)) };
}

describe('files that are', () => {
  test.each<readonly [string, string | Uint8Array, RegExp]>([
    ['an alias bomb', aliasBomb, /alias/],
    ['lists in lists', '['.repeat(100_000), /nested deeper than/],
    ['20 MB', Buffer.alloc(20_000_000, '# comment\n'), /larger than/],
    ['binary', Buffer.alloc(10_000, 0xff), /./],
    ['with a key twice', `${podYaml('a')}spec: {}\n`, /spec/],
  ])('%s: exit code 2, as manifests and as policies', async (_what, content, says) => {
    const bad = await file('bad.yaml', content);
    expect(await review(bad)).toEqual(usageError(says));
    expect(await review(pod, bad)).toEqual(usageError(says));
    expect(await verify(`${registry.host}/key/app:1.0`, bad)).toEqual(usageError(says));
    expect(registry.requests().total).toBe(0);
  });
});

describe('names of images', () => {
  test.each([
    ['upper case', 'a.example/Key/app'],
    ['a parent folder', 'a.example/../app'],
    ['other letters', 'a.example/k\u0435y'],
    ['10 kB', 'a'.repeat(10_000)],
    ['nothing', ''],
  ])('with %s: exit code 2 from verify, a refusal from review', async (_what, image) => {
    expect(await verify(image)).toEqual(usageError(/image|name|reference/));
    const reviewed = await review(await file('named.yaml', podYaml(image)));
    expect(reviewed).toMatchObject({ code: 1, out: expect.stringMatching(/IMAGE_(REFERENCE_INVALID|MISSING)/) });
  });
});

describe('a registry that', () => {
  const circle: Fault = (request, response) => {
    response.writeHead(307, { location: request.url }).end();
  };

  test.each<readonly [string, (host: string) => Fault, string]>([
    ['sends without end', () => endless(), 'REGISTRY_RESPONSE_TOO_LARGE'],
    ['sends HTML', () => html(), 'REGISTRY_RESPONSE_INVALID'],
    ['sends other bytes', () => status(200, '{"schemaVersion":2}'), 'REGISTRY_RESPONSE_INVALID'],
    ['redirects in a circle', () => circle, 'REGISTRY_RESPONSE_INVALID'],
    ['challenges for ever', (url) => alwaysChallenge(`Bearer realm="${url}/token"`), 'REGISTRY_DENIED'],
    ['is busy', () => tooManyRequests(), 'REGISTRY_RATE_LIMITED'],
  ])('%s: exit code 3', async (_what, fault, code) => {
    const repository = 'key/undecided';
    const { digest } = pushImage(registry, { repository });
    registry.inject(new RegExp(`GET /v2/${repository}/`), fault(registry.url));
    registry.inject(/\/token/, status(200, '{"token":"never-enough"}'));
    const image = `${registry.host}/${repository}@${digest}`;
    const started = performance.now();
    expect(await verify(image)).toMatchObject({ code: 3, out: expect.stringContaining(code) });
    const reviewed = await review(await file('undecided.yaml', podYaml(image)));
    expect(reviewed).toMatchObject({ code: 3, out: expect.stringContaining(code) });
    expect(performance.now() - started).toBeLessThan(6_000);
  });
});

describe('contracts', () => {
  test.each<readonly [string, string | Uint8Array]>([
    ['of 10 MB', Buffer.alloc(10_000_000, '# comment\n')],
    ['that are binary', Buffer.alloc(10_000, 0xff)],
    ['that are an alias bomb', aliasBomb],
  ])('%s are refused by the linter with a sentence', async (_what, content) => {
    const linted = await run('contract', 'lint', await file('action-contract.yaml', content));
    expect(linted).toMatchObject({ code: 1, out: expect.stringMatching(/larger than|UTF-8|alias/) });
  });
});
