/**
 * Finds everything at a registry that may be a signature of an image, format by format, lazily: whoever reads stops as
 * soon as one is good.
 */
import { digestOf } from '../kernel/digest.ts';
import { ok, type Result } from '../kernel/result.ts';
import type { SignaturesQuestion } from '../policy/question.ts';
import type { CallOptions, Registry } from '../ports/registry.ts';
import { findReferring } from './find-referring.ts';
import { readImageManifest, readLayer, tooMany, type Found, type Search } from './read-layers.ts';
import { legacyTag, signatureRepository } from './signature-location.ts';
import { usualPayload } from './usual-payload.ts';

const maxFound = 100;
const ofBundles = { maxFound, maxLayerBytes: 4 * 1024 * 1024 };
const ofPayloads = { maxFound, maxLayerBytes: 1024 * 1024 };

const simpleSigningType = 'application/vnd.dev.cosign.simplesigning.v1+json';
const signPredicate = 'https://sigstore.dev/cosign/sign/v1';

export async function* findSignatures(registry: Registry, question: SignaturesQuestion, options: CallOptions): Found {
  const repository = signatureRepository(question.image, question.source);
  if (!repository.ok) {
    yield repository;
    return;
  }
  const search = { registry, from: repository.value, image: question.image.digest, options };
  // Bundles first: cosign 3 writes them by default, and a registry with the referrers API tells in one request.
  if (question.format !== 'legacy') {
    const wanted = { what: 'signatures', first: new Set([signPredicate]), envelopes: false } as const;
    yield* findReferring({ ...search, limits: ofBundles }, wanted);
  }
  if (question.format !== 'bundle') yield* findLegacySignatures({ ...search, limits: ofPayloads }, question);
}

async function* findLegacySignatures(search: Search, { image, source }: SignaturesQuestion): Found {
  const found = await readImageManifest(search, legacyTag(image.digest, source, 'sig'));
  if (!found.ok) {
    yield found;
    return;
  }
  const layers = (found.value?.layers ?? []).filter((layer) => layer.mediaType === simpleSigningType);
  // Several signatures of one image mostly share one payload, and mostly it is the usual one.
  const usual = usualPayload(image);
  const payloads = new Map<string, Promise<Result<Uint8Array>>>([[digestOf(usual), Promise.resolve(ok(usual))]]);
  for (const layer of layers.slice(0, maxFound)) {
    const payload = payloads.get(layer.digest) ?? readLayer(search, layer);
    payloads.set(layer.digest, payload);
    const bytes = await payload;
    yield bytes.ok ? ok({ format: 'legacy', payload: bytes.value, annotations: layer.annotations }) : bytes;
  }
  if (layers.length > maxFound) yield tooMany(layers.length, search, 'signatures');
}
