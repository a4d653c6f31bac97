// Whatever single thing is changed about a good signature, it is good no longer; and nothing that is read here throws.
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { BundleSignature, LegacySignature, SignatureArtifact } from '../../src/policy/facts.ts';
import type { TrustQuestion } from '../../src/policy/question.ts';
import { verifySignature } from '../../src/verification/verify-signature.ts';
import { ecKey } from './kit/certificates.ts';
import {
  byKey,
  createSigstore,
  image,
  keyless,
  leafOf,
  logIgnored,
  muchLater,
  outcome,
  tokenOf,
} from './kit/sigstore.ts';
import { annotation, bundleOf, keylessBundle, keylessBundleV2, keylessLegacy, legacyOf } from './kit/signatures.ts';

const sigstore = createSigstore();
const leaf = leafOf(sigstore);
const key = ecKey();
const stamped = keyless(sigstore, { log: logIgnored, timestamps: sigstore.root });

type Legacy = readonly [string, LegacySignature, TrustQuestion];
const legacy: readonly Legacy[] = [
  ['by a key', legacyOf({ key }), byKey(key)],
  ['by a certificate, logged', keylessLegacy(sigstore, leaf), keyless(sigstore)],
  [
    'by a certificate, timestamped',
    legacyOf({ key: leaf.key, certificate: leaf.der, token: (signature) => tokenOf(sigstore, signature) }),
    stamped,
  ],
];
type Bundled = readonly [string, BundleSignature, TrustQuestion];
const bundles: readonly Bundled[] = [
  ['by a key', bundleOf({ key }), byKey(key)],
  ['by a certificate, Rekor v1', keylessBundle(sigstore, leaf), keyless(sigstore)],
  ['by a certificate, Rekor v2 and timestamp', keylessBundleV2(sigstore, leaf), keyless(sigstore)],
];

const change = fc.record({ at: fc.nat(), flip: fc.integer({ min: 1, max: 255 }) });

function flipped(bytes: Uint8Array, { at, flip }: { readonly at: number; readonly flip: number }): Buffer {
  const copy = Buffer.from(bytes);
  const index = at % copy.length;
  copy[index] = (copy[index] ?? 0) ^ flip;
  return copy;
}

/** Base64 texts inside are changed in what they mean: their last character has bits that mean nothing. */
function flippedBase64(text: string, by: { readonly at: number; readonly flip: number }): string {
  return flipped(Buffer.from(text, 'base64'), by).toString('base64');
}

/** What breaks the law, by a result or by an exception; null when nothing does. */
function counterexample<T>(law: fc.IProperty<T>, numRuns = 150): T | null {
  return fc.check(law, { numRuns }).counterexample;
}

const isVerified = (artifact: SignatureArtifact, trust: TrustQuestion): boolean =>
  outcome(artifact, trust).startsWith('verified');

describe.each(legacy)('a legacy signature %s', (_name, good, trust) => {
  test('is good as it is', () => {
    expect(outcome(good, trust)).toBe('verified signature');
  });

  test('is not with any byte of its payload changed', () => {
    expect(
      counterexample(fc.property(change, (by) => !isVerified({ ...good, payload: flipped(good.payload, by) }, trust))),
    ).toBeNull();
  });

  test('is not with any byte of its signature changed', () => {
    const text = good.annotations[annotation.signature] ?? '';
    expect(
      counterexample(
        fc.property(change, (by) => {
          const annotations = { ...good.annotations, [annotation.signature]: flippedBase64(text, by) };
          return !isVerified({ ...good, annotations }, trust);
        }),
      ),
    ).toBeNull();
  });

  test('means the same or nothing with any character of an annotation changed', () => {
    // Line ends in PEM, white space in JSON, spare bits of base64, names of fields that nobody reads.
    const wanted = verifySignature(good, image, trust, muchLater);
    const place = fc.record({ name: fc.constantFrom(...filledAnnotations(good)), by: change });
    const law = fc.property(place, ({ name, by: { at, flip } }) => {
      const text = flipped(Buffer.from(good.annotations[name] ?? ''), { at, flip: (flip % 127) + 1 }).toString();
      const annotations = { ...good.annotations, [name]: text };
      const fact = verifySignature({ ...good, annotations }, image, trust, muchLater);
      return !fact.verified || isDeepStrictEqual(fact, wanted);
    });
    expect(counterexample(law, 400)).toBeNull();
  });

  test('is not with any byte appended to its payload', () => {
    const more = fc.uint8Array({ minLength: 1, maxLength: 4 });
    expect(
      counterexample(
        fc.property(more, (bytes) => !isVerified({ ...good, payload: Buffer.concat([good.payload, bytes]) }, trust)),
      ),
    ).toBeNull();
  });

  test('says nothing and throws nothing when annotations or payload are cut anywhere', () => {
    const cut = fc.record({ name: fc.constantFrom('payload', ...Object.keys(good.annotations)), to: fc.nat() });
    expect(
      counterexample(
        fc.property(cut, ({ name, to }) => {
          const text = name === 'payload' ? good.payload : (good.annotations[name] ?? '');
          if (text.length === 0) return true;
          const short = text.slice(0, to % text.length);
          const artifact =
            typeof short === 'string'
              ? { ...good, annotations: { ...good.annotations, [name]: short } }
              : { ...good, payload: short };
          return withoutSpace(name, text, short) || !isVerified(artifact, trust);
        }),
      ),
    ).toBeNull();
  });

  test('throws nothing whatever its annotations are', () => {
    const any = fc.dictionary(fc.constantFrom(...Object.values(annotation)), fc.string({ maxLength: 200 }));
    expect(counterexample(fc.property(any, (annotations) => !isVerified({ ...good, annotations }, trust)))).toBeNull();
  });
});

function filledAnnotations({ annotations }: LegacySignature): readonly string[] {
  return Object.keys(annotations).filter((name) => annotations[name] !== '');
}

/** A PEM text without its last line feed, an empty text for an absent one: cuts that change nothing. */
function withoutSpace(name: string, whole: string | Uint8Array, short: string | Uint8Array): boolean {
  return name === annotation.certificate && typeof whole === 'string' && whole.trim() === String(short).trim();
}

describe.each(bundles)('a bundle %s', (_name, good, trust) => {
  test('is good as it is', () => {
    expect(outcome(good, trust)).toBe('verified signature');
  });

  test('means the same or nothing with any byte changed', () => {
    // Some bytes mean nothing: spare bits of base64, the hint about a key, names of fields that may be absent.
    const wanted = meaningOf(good.bundle, trust);
    expect(
      counterexample(
        fc.property(change, (by) => {
          expect([wanted, undefined]).toContainEqual(meaningOf(flipped(good.bundle, by), trust));
        }),
        600,
      ),
    ).toBeNull();
  });

  test('says nothing and throws nothing when it is cut anywhere', () => {
    expect(
      counterexample(
        fc.property(fc.nat(), (to) => {
          const bundle = good.bundle.subarray(0, to % good.bundle.length);
          expect(outcome({ ...good, bundle }, trust)).toBe('SIGNATURE_MALFORMED');
        }),
      ),
    ).toBeNull();
  });

  test('throws nothing when any of its values is something else', () => {
    const json = JSON.parse(Buffer.from(good.bundle).toString()) as object;
    expect(
      counterexample(
        fc.property(fc.nat(), fc.jsonValue({ maxDepth: 2 }), (at, value) => {
          const bundle = Buffer.from(JSON.stringify(replaced(json, at, value)));
          expect(outcome({ ...good, bundle }, trust)).toEqual(expect.any(String));
        }),
      ),
    ).toBeNull();
  });
});

test('nothing at all is a signature, and bytes at random throw nothing', () => {
  expect(
    counterexample(
      fc.property(fc.uint8Array({ maxLength: 500 }), (bytes) => {
        const artifacts = [
          { format: 'bundle', bundle: bytes },
          { format: 'legacy', payload: bytes, annotations: {} },
        ] as const;
        return !artifacts.some((artifact) => isVerified(artifact, byKey(key)));
      }),
    ),
  ).toBeNull();
});

/** What is proven by what; undefined when nothing is. The place of an entry in its log is not signed. */
function meaningOf(bundle: Buffer | Uint8Array, trust: TrustQuestion): unknown {
  const fact = verifySignature({ format: 'bundle', bundle }, image, trust, muchLater);
  if (!fact.verified) return undefined;
  const { dsseEnvelope } = JSON.parse(Buffer.from(bundle).toString()) as {
    readonly dsseEnvelope: { readonly payload: string; readonly signatures: readonly { readonly sig: string }[] };
  };
  const bytes = [dsseEnvelope.payload, ...dsseEnvelope.signatures.map(({ sig }) => sig)];
  // The digest of the bundle is of every byte.
  const { layer: _, ...rest } = fact;
  return { ...rest, log: fact.log?.url, bytes: bytes.map((text) => Buffer.from(text, 'base64').toString('hex')) };
}

/** The value at a place, counted through the whole tree, replaced by another. */
function replaced(tree: unknown, place: number, by: unknown): unknown {
  let left = place % countOf(tree);
  const visit = (node: unknown): unknown => {
    left -= 1;
    if (left === -1) return by;
    if (Array.isArray(node)) return node.map(visit);
    if (typeof node !== 'object' || node === null) return node;
    return Object.fromEntries(Object.entries(node).map(([name, value]) => [name, visit(value)]));
  };
  return visit(tree);
}

function countOf(node: unknown): number {
  if (typeof node !== 'object' || node === null) return 1;
  return Object.values(node).reduce((total: number, value) => total + countOf(value), 1);
}
