// Everybody who may push can add signatures. None of them takes a good one away, and none of them makes up for one.
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createOciRegistry, type OciRegistry } from '../../src/adapters/registry/oci-registry.ts';
import { anonymous } from '../../src/adapters/registry/docker-config.ts';
import { createInProcessVerifier } from '../../src/adapters/verification/in-process-verifier.ts';
import { attachBundles, imageStatement, signBundle, type SignedStatement } from '../../src/demo/images/bundle.ts';
import { attachLegacy, signLegacy, simpleSigningPayload } from '../../src/demo/images/legacy.ts';
import { newSigningKey } from '../../src/demo/images/signing-key.ts';
import { pushImage } from '../../src/demo/registry/images.ts';
import { startRegistry, type DemoRegistry } from '../../src/demo/registry/serve.ts';
import { collectFacts } from '../../src/evidence/collect-facts.ts';
import { digestOf } from '../../src/kernel/digest.ts';
import type { LegacySignature } from '../../src/policy/facts.ts';
import type { SignaturesQuestion } from '../../src/policy/question.ts';
import { noLanguages } from '../fakes/policy-code.ts';

const key = newSigningKey();
const stranger = newSigningKey();
const other = digestOf('another image');

let demo: DemoRegistry;
let client: OciRegistry;
beforeAll(async () => {
  demo = await startRegistry();
  client = createOciRegistry({ insecure: [demo.host], ca: new Map(), metrics: { registryRequest: () => undefined } });
});
afterAll(async () => {
  await client.close();
  await demo.close();
});

type Image = ReturnType<typeof newImage>;
let images = 0;
function newImage() {
  const repository = `app-${(images += 1)}`;
  return { repository, ...pushImage(demo, { repository }) };
}

const goodLegacy = (image: Image): LegacySignature => signLegacy(simpleSigningPayload(demo.host, image), key);
const uselessLegacy: readonly ((image: Image) => LegacySignature)[] = [
  (image) => signLegacy(simpleSigningPayload(demo.host, image), stranger),
  (image) => signLegacy(simpleSigningPayload(demo.host, { ...image, digest: other }), key),
  (image) => ({ ...goodLegacy(image), annotations: {} }),
  (image) => ({ ...goodLegacy(image), payload: Buffer.from('{') }),
  (image) => ({ ...goodLegacy(image), payload: Buffer.alloc(0) }),
];

const goodBundle = ({ digest }: Image): SignedStatement => signBundle(imageStatement(digest), key);
const uselessBundles: readonly ((image: Image) => SignedStatement)[] = [
  ({ digest }) => signBundle(imageStatement(digest), stranger),
  () => signBundle(imageStatement(other), key),
  ({ digest }) => signBundle(imageStatement(digest, 'https://slsa.dev/provenance/v1'), key),
  (image) => ({ ...goodBundle(image), bundle: Buffer.from('{') }),
  (image) => ({ ...goodBundle(image), bundle: Buffer.alloc(0) }),
];

async function isSatisfied(image: Image): Promise<boolean> {
  const question: SignaturesQuestion = {
    kind: 'signatures',
    id: 'question',
    image: { registry: demo.host, ...image },
    trust: { kind: 'key', keys: [key.publicKeyPem], log: { demand: 'ignored' } },
  };
  const ports = {
    registry: client,
    verifier: createInProcessVerifier(),
    languages: noLanguages,
    clock: { now: () => new Date() },
  };
  const options = { credentials: anonymous, signal: AbortSignal.timeout(10_000) };
  const collected = await collectFacts(ports, question, options);
  if (!collected.ok) throw new Error(collected.failure.message);
  return collected.value.satisfied;
}

interface Pushed {
  readonly legacy: readonly number[];
  readonly bundles: readonly number[];
  readonly goodAt: number;
}

/** Up to six useless ones of each format, in any order and as often as they like. */
const pushed = fc.record<Pushed>({
  legacy: fc.array(fc.nat({ max: uselessLegacy.length - 1 }), { maxLength: 6 }),
  bundles: fc.array(fc.nat({ max: uselessBundles.length - 1 }), { maxLength: 6 }),
  goodAt: fc.nat({ max: 6 }),
});

const make = <T>(kinds: readonly ((image: Image) => T)[], chosen: readonly number[], image: Image): readonly T[] =>
  chosen.flatMap((index) => kinds[index]?.(image) ?? []);

function push(image: Image, { legacy, bundles, goodAt }: Pushed, good: 'legacy' | 'bundle' | 'none'): void {
  const asLegacy = make(uselessLegacy, legacy, image);
  const asBundles = make(uselessBundles, bundles, image);
  attachLegacy(demo, image, good === 'legacy' ? asLegacy.toSpliced(goodAt, 0, goodLegacy(image)) : asLegacy);
  attachBundles(demo, image, good === 'bundle' ? asBundles.toSpliced(goodAt, 0, goodBundle(image)) : asBundles);
}

describe('whatever else is beside it', () => {
  test.each([
    ['a good legacy signature counts', 'legacy', true],
    ['a good bundle counts', 'bundle', true],
    ['none at all is none', 'none', false],
  ] as const)('%s', async (_name, good, expected) => {
    const law = fc.asyncProperty(pushed, async (what) => {
      const image = newImage();
      push(image, what, good);
      return (await isSatisfied(image)) === expected;
    });
    expect((await fc.check(law, { numRuns: 40 })).counterexample).toBeNull();
  });
});
