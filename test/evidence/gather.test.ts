import { beforeEach, describe, expect, test } from 'vitest';
import { createEvidenceSource, defaultEvidenceSettings, type EvidencePorts } from '../../src/evidence/gather.ts';
import { digestOf, hexOf } from '../../src/kernel/digest.ts';
import { failure } from '../../src/kernel/failure.ts';
import { ok } from '../../src/kernel/result.ts';
import type { SignatureArtifact, SignatureFact } from '../../src/policy/facts.ts';
import type { SignaturesQuestion } from '../../src/policy/question.ts';
import { noLanguages } from '../fakes/policy-code.ts';
import { FakeRegistry } from '../fakes/registry.ts';

const image = digestOf('an image');
const workload = { namespace: 'default', serviceAccount: 'default', pullSecrets: [] };
const never = new AbortController().signal;

const question: SignaturesQuestion = {
  kind: 'signatures',
  id: 'question-1',
  image: { registry: 'registry.example', repository: 'app', digest: image },
  trust: { kind: 'key', keys: ['a key'], log: { demand: 'ignored' } },
};

let registry: FakeRegistry;
let verified: number;

/** A payload "good" is proven by the key, everything else is not. */
function verifier(): EvidencePorts['verifier'] {
  return {
    async verify(artifact: SignatureArtifact) {
      verified += 1;
      if (artifact.format === 'legacy-attestation') throw new Error('nobody asked for attestations');
      const text = Buffer.from(artifact.format === 'legacy' ? artifact.payload : artifact.bundle).toString();
      const { format } = artifact;
      const fact: SignatureFact = text.startsWith('good')
        ? { verified: true, format, type: 'signature', signer: { kind: 'key', fingerprint: '00' }, annotations: {} }
        : { verified: false, format, type: 'signature', code: 'SIGNATURE_INVALID', message: text };
      return ok(fact);
    },
  };
}

function source(settings = defaultEvidenceSettings) {
  return createEvidenceSource(
    {
      registry,
      verifier: verifier(),
      languages: noLanguages,
      clock: { now: () => new Date(0) },
      pullCredentials: { ofWorkload: (of) => ({ id: of.namespace, forHost: async () => ok(undefined) }) },
      metrics: { cache: () => undefined },
    },
    settings,
  );
}

function addLegacy(...payloads: readonly string[]): void {
  const layers = payloads.map((payload) => ({
    mediaType: 'application/vnd.dev.cosign.simplesigning.v1+json',
    digest: registry.putBlob(Buffer.from(payload)),
    size: payload.length,
    annotations: {},
  }));
  const config = { mediaType: 'application/vnd.oci.image.config.v1+json', digest: digestOf('{}'), size: 2 };
  registry.putManifest(
    { schemaVersion: 2, mediaType: 'application/vnd.oci.image.manifest.v1+json', config, layers },
    `sha256-${hexOf(image)}.sig`,
  );
}

function addBundles(...bundles: readonly string[]): void {
  const mediaType = 'application/vnd.oci.image.manifest.v1+json';
  const descriptors = bundles.map((bundle) => {
    const digest = registry.putManifest({
      schemaVersion: 2,
      mediaType,
      config: { mediaType: 'application/vnd.oci.empty.v1+json', digest: digestOf('{}'), size: 2 },
      layers: [
        {
          mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
          digest: registry.putBlob(Buffer.from(bundle)),
          size: bundle.length,
        },
      ],
      subject: { mediaType, digest: image, size: 1 },
    });
    return { mediaType, digest, size: 1, artifactType: 'application/vnd.oci.empty.v1+json', annotations: {} };
  });
  registry.referring.set(image, descriptors);
}

async function ask(evidence = source()) {
  const answers = await evidence.answer([question], workload, never);
  const answer = answers.get(question.id);
  if (answer === undefined) throw new Error('no answer');
  return answer;
}

beforeEach(() => {
  registry = new FakeRegistry();
  verified = 0;
});

describe('what is found', () => {
  test('no signature anywhere is an empty answer, not a failure', async () => {
    expect(await ask()).toEqual({ ok: true, value: [] });
  });

  test('a good legacy signature is found behind foreign bundles', async () => {
    addBundles('foreign 1', 'foreign 2');
    addLegacy('good');
    const answer = await ask();
    expect(answer.ok && answer.value.map((fact) => fact.verified)).toEqual([false, false, true]);
  });

  test('a good bundle ends the search: the legacy tag is not asked for', async () => {
    addBundles('good');
    addLegacy('bad');
    await ask();
    expect(registry.calls.map((call) => call.split(' ')[0])).toEqual(['referrers', 'manifest', 'blob']);
  });

  test('the second of two legacy signatures is good', async () => {
    addLegacy('bad', 'good');
    const answer = await ask();
    expect(answer.ok && answer.value.some((fact) => fact.verified)).toBe(true);
  });

  test('signatures that share a payload cost one blob request', async () => {
    addLegacy('bad', 'bad', 'bad');
    await ask();
    expect(registry.calls.filter((call) => call.startsWith('blob'))).toHaveLength(1);
    expect(verified).toBe(3);
  });

  test('of 1,000 signatures 100 are tried, and the answer says so', async () => {
    addLegacy(...Array.from({ length: 1_000 }, () => 'bad'));
    const answer = await ask();
    expect(verified).toBe(100);
    expect(answer.ok && answer.value.at(-1)).toMatchObject({ verified: false, code: 'TOO_MANY_SIGNATURES' });
  });

  test.each([
    ['a payload that is longer than its descriptor says', () => addLegacy('good'), 'SIGNATURE_MALFORMED'],
    [
      'a signature tag that is not JSON',
      () => registry.tags.set(`sha256-${hexOf(image)}.sig`, junk()),
      'SIGNATURE_MALFORMED',
    ],
  ])('%s is a rejected signature', async (_name, arrange, code) => {
    arrange();
    for (const [digest, bytes] of registry.blobs) registry.blobs.set(digest, Buffer.concat([bytes, bytes]));
    const answer = await ask();
    expect(answer.ok && answer.value).toMatchObject([{ verified: false, code }]);
  });

  function junk() {
    const bytes = Buffer.from('<html>');
    registry.manifests.set(digestOf(bytes), bytes);
    return digestOf(bytes);
  }

  test('a bundle listed for this image but made for another is not even proven', async () => {
    addBundles('good');
    registry.referring.set(image, [...(registry.referring.get(image) ?? [])]);
    for (const [digest, bytes] of registry.manifests) {
      registry.manifests.set(digest, Buffer.from(Buffer.from(bytes).toString().replace(image, digestOf('another'))));
    }
    const answer = await ask();
    expect(answer.ok && answer.value).toMatchObject([{ verified: false, code: 'SIGNATURE_MALFORMED' }]);
    expect(verified).toBe(0);
  });
});

describe('what could not be established', () => {
  test('a broken registry is a coded failure', async () => {
    registry.broken = failure('REGISTRY_UNREACHABLE', 'down');
    expect(await ask()).toEqual({ ok: false, failure: registry.broken });
  });

  test('bad signatures plus an unreadable rest are "not established", not "no good signature"', async () => {
    addBundles('bad');
    addLegacy('good');
    registry.blobs.delete(digestOf('good'));
    expect(await ask()).toMatchObject({ ok: false, failure: { code: 'REGISTRY_RESPONSE_INVALID' } });
  });

  test('a caller whose time is up gets DEADLINE_EXCEEDED while the flight goes on for the next', async () => {
    addLegacy('good');
    const { promise: gate, resolve: open } = Promise.withResolvers<undefined>();
    registry.delay = () => gate;
    const evidence = source();
    const answers = await evidence.answer([question], workload, AbortSignal.timeout(20));
    expect(answers.get(question.id)).toMatchObject({ ok: false, failure: { code: 'DEADLINE_EXCEEDED' } });
    open(undefined);
    const next = await ask(evidence);
    expect(next.ok && next.value.some((fact) => fact.verified)).toBe(true);
    expect(registry.calls.filter((call) => call.startsWith('referrers'))).toHaveLength(1);
  });

  test('the registry comes back: the next try after a second succeeds', async () => {
    addLegacy('good');
    registry.broken = failure('REGISTRY_UNREACHABLE', 'down');
    const evidence = source();
    expect((await ask(evidence)).ok).toBe(false);
    registry.broken = undefined;
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    expect((await ask(evidence)).ok).toBe(true);
  });
});

describe('what is remembered', () => {
  test('a hundred callers at once are one flight', async () => {
    addLegacy('good');
    const evidence = source();
    await Promise.all(Array.from({ length: 100 }, () => ask(evidence)));
    expect(verified).toBe(1);
  });

  test('a proof costs nothing the second time, in whatever namespace', async () => {
    addLegacy('good');
    const evidence = source();
    await ask(evidence);
    const before = registry.calls.length;
    const other = await evidence.answer([question], { ...workload, namespace: 'other' }, never);
    expect(other.get(question.id)).toMatchObject({ ok: true });
    expect(registry.calls).toHaveLength(before);
  });

  test('a refusal is not shared between namespaces', async () => {
    registry.broken = failure('REGISTRY_DENIED', 'no credentials');
    const evidence = source();
    await ask(evidence);
    registry.broken = undefined;
    addLegacy('good');
    const other = await evidence.answer([question], { ...workload, namespace: 'other' }, never);
    expect(other.get(question.id)).toMatchObject({ ok: true });
  });

  test('a signature that is added later is seen once the refusal is forgotten', async () => {
    const evidence = source({ ...defaultEvidenceSettings, refusalSeconds: 0.05 });
    addLegacy('bad');
    await ask(evidence);
    addLegacy('bad', 'good');
    await new Promise((resolve) => setTimeout(resolve, 80));
    const answer = await ask(evidence);
    expect(answer.ok && answer.value.some((fact) => fact.verified)).toBe(true);
  });

  test('another question about the same image is another proof', async () => {
    addLegacy('good');
    const evidence = source();
    await ask(evidence);
    await evidence.answer([{ ...question, id: 'question-2' }], workload, never);
    expect(verified).toBe(2);
  });
});

describe('tags', () => {
  const named = { registry: 'registry.example', repository: 'app', tag: 'v1' };

  test('a tag is resolved once for a few seconds', async () => {
    registry.tags.set('v1', image);
    const evidence = source();
    expect(await evidence.resolveTag(named, workload, never)).toEqual(ok(image));
    expect(await evidence.resolveTag(named, workload, never)).toEqual(ok(image));
    expect(registry.calls).toEqual(['resolve v1']);
  });

  test('what one namespace may see is not told to another', async () => {
    registry.tags.set('v1', image);
    const evidence = source();
    await evidence.resolveTag(named, workload, never);
    registry.broken = failure('REGISTRY_DENIED', 'no credentials');
    expect(await evidence.resolveTag(named, { ...workload, namespace: 'other' }, never)).toMatchObject({ ok: false });
  });

  test('a tag that moved is seen after that', async () => {
    registry.tags.set('v1', image);
    const evidence = source({ ...defaultEvidenceSettings, tagSeconds: 0.05 });
    await evidence.resolveTag(named, workload, never);
    registry.tags.set('v1', digestOf('another'));
    await new Promise((resolve) => setTimeout(resolve, 80));
    expect(await evidence.resolveTag(named, workload, never)).toEqual(ok(digestOf('another')));
  });

  test('an unknown tag is IMAGE_NOT_FOUND', async () => {
    expect(await source().resolveTag(named, workload, never)).toMatchObject({ failure: { code: 'IMAGE_NOT_FOUND' } });
  });
});
