import { describe, expect, test } from 'vitest';
import { anonymous } from '../../../src/adapters/registry/docker-config.ts';
import { createInProcessVerifier } from '../../../src/adapters/verification/in-process-verifier.ts';
import { attachBundles, imageStatement, signBundle } from '../../../src/demo/images/bundle.ts';
import { attachLegacy, signLegacy, simpleSigningPayload, type Signable } from '../../../src/demo/images/legacy.ts';
import { newSigningKey } from '../../../src/demo/images/signing-key.ts';
import { pushImage } from '../../../src/demo/registry/images.ts';
import type { DemoRegistry } from '../../../src/demo/registry/serve.ts';
import type { EvidenceSource } from '../../../src/evidence/evidence-source.ts';
import { createEvidenceSource } from '../../../src/evidence/gather.ts';
import type { SignatureFact } from '../../../src/policy/facts.ts';
import type { SignaturesQuestion } from '../../../src/policy/question.ts';
import type { Verifier } from '../../../src/ports/verifier.ts';
import { connect, serve } from './bench.ts';
import { noLanguages } from '../../fakes/policy-code.ts';

const key = newSigningKey();
const workload = { namespace: 'default', serviceAccount: 'default', pullSecrets: [] };
const signal = new AbortController().signal;

type Sign = (demo: DemoRegistry, image: Signable & { readonly size: number }) => void;

const asLegacy: Sign = (demo, image) => {
  attachLegacy(demo, image, [signLegacy(simpleSigningPayload(demo.host, image), key)]);
};
const asBundle: Sign = (demo, image) => {
  attachBundles(demo, image, [signBundle(imageStatement(image.digest), key)]);
};

/** A registry, and the evidence that is gathered from it, from a cold start. */
async function openGate(referrersApi: boolean) {
  const demo = await serve({ referrersApi });
  let verifications = 0;
  const verifier = createInProcessVerifier();
  const counting: Verifier = {
    verify(...question) {
      verifications += 1;
      return verifier.verify(...question);
    },
  };
  const evidence = createEvidenceSource({
    registry: connect({ insecure: [demo.host] }),
    verifier: counting,
    languages: noLanguages,
    clock: { now: () => new Date() },
    pullCredentials: { ofWorkload: () => anonymous },
    metrics: { cache: () => undefined },
  });
  return { demo, evidence, counts: () => ({ requests: demo.requests().total, verifications }) };
}

/** Resolves the tag and asks for a signature by the key, as a Pod's admission does. */
async function judge(
  demo: DemoRegistry,
  evidence: EvidenceSource,
  repository: string,
): Promise<readonly SignatureFact[]> {
  const image = { registry: demo.host, repository };
  const digest = await evidence.resolveTag({ ...image, tag: '1.0' }, workload, signal);
  if (!digest.ok) throw new Error(digest.failure.message);
  const question: SignaturesQuestion = {
    kind: 'signatures',
    id: `by the key: ${repository}@${digest.value}`,
    image: { ...image, digest: digest.value },
    trust: { kind: 'key', keys: [key.publicKeyPem], log: { demand: 'ignored' } },
  };
  const answer = (await evidence.answer([question], workload, signal)).get(question.id);
  if (answer?.ok !== true) throw new Error(answer?.failure.message ?? 'no answer');
  return answer.value;
}

function push(demo: DemoRegistry, repository: string, sign: Sign): void {
  sign(demo, { repository, ...pushImage(demo, { repository, tag: '1.0' }) });
}

describe.each([
  ['with the referrers API', true],
  ['without it', false],
])('a registry %s', (_name, referrersApi) => {
  test.each([
    ['cosign 2', asLegacy, referrersApi ? 3 : 4],
    ['cosign 3', asBundle, 4],
  ])('first contact: an image signed by %s costs no more than needed', async (_format, sign, requests) => {
    const { demo, evidence, counts } = await openGate(referrersApi);
    push(demo, 'app', sign);
    expect((await judge(demo, evidence, 'app')).map(({ verified }) => verified)).toEqual([true]);
    expect(counts()).toEqual({ requests, verifications: 1 });
  });

  test.each([
    ['cosign 2', asLegacy, 3],
    ['cosign 3', asBundle, 4],
  ])('later: an image signed by %s costs no more than needed', async (_format, sign, requests) => {
    const { demo, evidence, counts } = await openGate(referrersApi);
    push(demo, 'first', sign);
    push(demo, 'second', sign);
    await judge(demo, evidence, 'first');
    const before = counts().requests;
    await judge(demo, evidence, 'second');
    expect(counts().requests - before).toBe(requests);
  });

  test('eight containers of one image at once are one image', async () => {
    const { demo, evidence, counts } = await openGate(referrersApi);
    push(demo, 'app', asLegacy);
    const facts = await Promise.all(Array.from({ length: 8 }, () => judge(demo, evidence, 'app')));
    expect(facts.flat().every(({ verified }) => verified)).toBe(true);
    expect(counts()).toEqual({ requests: referrersApi ? 3 : 4, verifications: 1 });
  });

  test('an image that is known costs nothing', async () => {
    const { demo, evidence, counts } = await openGate(referrersApi);
    push(demo, 'app', asLegacy);
    await judge(demo, evidence, 'app');
    const before = counts();
    await Promise.all(Array.from({ length: 8 }, () => judge(demo, evidence, 'app')));
    expect(counts()).toEqual(before);
  });
});
