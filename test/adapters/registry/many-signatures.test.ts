import { describe, expect, test } from 'vitest';
import { anonymous } from '../../../src/adapters/registry/docker-config.ts';
import { createInProcessVerifier } from '../../../src/adapters/verification/in-process-verifier.ts';
import { attachBundles, imageStatement, signBundle } from '../../../src/demo/images/bundle.ts';
import { attachLegacy, signLegacy, simpleSigningPayload } from '../../../src/demo/images/legacy.ts';
import { newSigningKey } from '../../../src/demo/images/signing-key.ts';
import { createEvidenceSource } from '../../../src/evidence/gather.ts';
import { hexOf } from '../../../src/kernel/digest.ts';
import type { Result } from '../../../src/kernel/result.ts';
import type { SignatureFact } from '../../../src/policy/facts.ts';
import { codeOf, openBench, type Bench } from './bench.ts';
import { noLanguages } from '../../fakes/policy-code.ts';

const key = newSigningKey();
const stranger = newSigningKey();

async function ask({ client, app, image }: Bench): Promise<Result<readonly SignatureFact[]>> {
  const evidence = createEvidenceSource({
    registry: client,
    verifier: createInProcessVerifier(),
    languages: noLanguages,
    clock: { now: () => new Date() },
    pullCredentials: { ofWorkload: () => anonymous },
    metrics: { cache: () => undefined },
  });
  const question = {
    kind: 'signatures',
    id: 'question',
    image: { ...app, digest: image.digest },
    trust: { kind: 'key', keys: [key.publicKeyPem], log: { demand: 'ignored' } },
  } as const;
  const workload = { namespace: 'default', serviceAccount: 'default', pullSecrets: [] };
  const answer = (await evidence.answer([question], workload, AbortSignal.timeout(15_000))).get(question.id);
  if (answer === undefined) throw new Error('no answer');
  return answer;
}

/** Codes and how often each occurs. */
function codesOf(answer: Result<readonly SignatureFact[]>): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const fact of answer.ok ? answer.value : []) {
    const code = fact.verified ? 'verified' : fact.code;
    counts[code] = (counts[code] ?? 0) + 1;
  }
  return counts;
}

/** `count` signatures, each with a payload of its own. */
async function withSignatures(count: number, by = stranger): Promise<Bench> {
  const bench = await openBench();
  const image = { repository: bench.app.repository, digest: bench.image.digest };
  const signatures = Array.from({ length: count }, (_, number) =>
    signLegacy(simpleSigningPayload(bench.demo.host, image, { number }), by),
  );
  attachLegacy(bench.demo, image, signatures);
  return bench;
}

describe('an image with a thousand signatures', () => {
  test('of a stranger: a hundred are tried, and the rest is said', async () => {
    const bench = await withSignatures(1_000);
    expect(codesOf(await ask(bench))).toEqual({ SIGNATURE_INVALID: 100, TOO_MANY_SIGNATURES: 1 });
    expect(bench.demo.requests()).toMatchObject({ blobs: 100, total: 102 });
  });

  test('of a stranger with one payload: it is fetched once', async () => {
    const bench = await openBench();
    const image = { repository: 'app', digest: bench.image.digest };
    const payload = simpleSigningPayload('elsewhere.example', image);
    attachLegacy(
      bench.demo,
      image,
      Array.from({ length: 1_000 }, () => signLegacy(payload, stranger)),
    );
    expect(codesOf(await ask(bench))).toEqual({ SIGNATURE_INVALID: 100, TOO_MANY_SIGNATURES: 1 });
    expect(bench.demo.requests().blobs).toBe(1);
  });

  test('of which the first is good: no other is looked at', async () => {
    const bench = await withSignatures(1_000, key);
    expect(codesOf(await ask(bench))).toEqual({ verified: 1 });
    expect(bench.demo.requests().blobs).toBe(1);
  });

  test('and one more: the list itself is refused', async () => {
    expect(codesOf(await ask(await withSignatures(1_001)))).toEqual({ SIGNATURE_MALFORMED: 1 });
  });

  test('as bundles: a hundred are tried, and the rest is said', async () => {
    const bench = await openBench();
    const signed = Array.from({ length: 200 }, (_, number) =>
      signBundle(imageStatement(bench.image.digest, undefined, { number: String(number) }), stranger),
    );
    attachBundles(bench.demo, { repository: 'app', ...bench.image }, signed);
    expect(codesOf(await ask(bench))).toEqual({ SIGNATURE_INVALID: 100, TOO_MANY_SIGNATURES: 1 });
    expect(bench.demo.requests()).toMatchObject({ blobs: 100, manifests: 101, referrers: 1 });
  });
});

test('a bundle that is listed twice, by tag and by API, is tried once', async () => {
  const bench = await openBench();
  attachBundles(bench.demo, { repository: 'app', ...bench.image }, [
    signBundle(imageStatement(bench.image.digest), stranger),
  ]);
  bench.demo.inject(/HEAD/, async (_request, response, answer) => {
    response.setHeader('docker-distribution-api-version', 'registry/2.0');
    await answer();
  });
  await bench.client.resolve(bench.app, '1.0', { credentials: anonymous, signal: AbortSignal.timeout(10_000) });
  expect(codesOf(await ask(bench))).toEqual({ SIGNATURE_INVALID: 1 });
  expect(bench.demo.requests()).toMatchObject({ referrers: 1, blobs: 1 });
});

describe('a signature that cannot be read', () => {
  function pushManifest({ demo, image }: Bench, manifest: Uint8Array | object): void {
    demo.putManifest('app', manifest, `sha256-${hexOf(image.digest)}.sig`);
  }

  test.each([
    ['no JSON', 'x', { SIGNATURE_MALFORMED: 1 }],
    ['the layers twice', '{"schemaVersion":2,"config":{},"layers":[],"layers":[]}', { SIGNATURE_MALFORMED: 1 }],
    ['an index', '{"schemaVersion":2,"manifests":[]}', { SIGNATURE_MALFORMED: 1 }],
    ['image and index at once', '{"schemaVersion":2,"manifests":[],"layers":[]}', { SIGNATURE_MALFORMED: 1 }],
    ['no bytes', '', { SIGNATURE_MALFORMED: 1 }],
  ])('because its manifest is %s', async (_name, text, codes) => {
    const bench = await openBench();
    pushManifest(bench, Buffer.from(text));
    expect(codesOf(await ask(bench))).toEqual(codes);
  });

  const config = { mediaType: 'application/vnd.oci.image.config.v1+json', digest: `sha256:${'0'.repeat(64)}`, size: 2 };

  test('because its layers are of another type: they are no signatures', async () => {
    const bench = await openBench();
    const payload = Buffer.from('payload');
    const layer = { mediaType: 'text/plain', digest: bench.demo.putBlob('app', payload), size: payload.length };
    pushManifest(bench, { schemaVersion: 2, config, layers: [layer] });
    expect(await ask(bench)).toEqual({ ok: true, value: [] });
  });

  const mediaType = 'application/vnd.dev.cosign.simplesigning.v1+json';

  test.each([
    ['longer', 8],
    ['shorter', 6],
  ])('because it is %s than its descriptor says', async (_name, size) => {
    const bench = await openBench();
    const layer = { mediaType, digest: bench.demo.putBlob('app', Buffer.from('payload')), size };
    pushManifest(bench, { schemaVersion: 2, config, layers: [layer] });
    expect(codesOf(await ask(bench))).toEqual({ SIGNATURE_MALFORMED: 1 });
  });

  test('because it is larger than any: it is not fetched', async () => {
    const bench = await openBench();
    const layer = { mediaType, digest: `sha256:${'1'.repeat(64)}`, size: 2 ** 40 };
    pushManifest(bench, { schemaVersion: 2, config, layers: [layer] });
    expect(codesOf(await ask(bench))).toEqual({ SIGNATURE_MALFORMED: 1 });
    expect(bench.demo.requests().blobs).toBe(0);
  });

  test('because the registry lost it: that is no verdict', async () => {
    const bench = await openBench();
    const layer = { mediaType, digest: `sha256:${'1'.repeat(64)}`, size: 10 };
    pushManifest(bench, { schemaVersion: 2, config, layers: [layer] });
    expect(codeOf(await ask(bench))).toBe('REGISTRY_RESPONSE_INVALID');
  });
});
