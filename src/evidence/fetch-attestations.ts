/**
 * Finds everything at a registry that may be an attestation of an image: bundles and envelopes that refer to it, and the
 * layers of its `.att` tag. Nothing is trusted for where it was found. What is said to have a wanted predicate type comes
 * first, and the others are read all the same.
 */
import { defined } from '../kernel/defined.ts';
import { failure } from '../kernel/failure.ts';
import type { OciDescriptor } from '../kernel/oci-manifest.ts';
import { fail, ok, type Result } from '../kernel/result.ts';
import type { SignatureArtifact } from '../policy/facts.ts';
import { predicateUri } from '../policy/predicate-types.ts';
import type { AttestationsQuestion } from '../policy/question.ts';
import type { CallOptions, Registry } from '../ports/registry.ts';
import { envelopeType, findReferring } from './find-referring.ts';
import { isLarge, readImageManifest, readInTurn, readLayer, tooMany, type Found, type Search } from './read-layers.ts';
import { legacyTag, signatureRepository } from './signature-location.ts';
import type { Turns } from './turns.ts';

const mebibyte = 1024 * 1024;
/** Lists of packages of large images have some MiB. Policy code takes 16 MiB, and base64 makes four of three. */
const limits = { maxFound: 100, maxLayerBytes: 22 * mebibyte };
/** Of all attestations that one question looks at: reading and proving them takes a second for each 50 MiB. */
const maxBytes = 128 * mebibyte;

export async function* findAttestations(
  registry: Registry,
  question: AttestationsQuestion,
  options: CallOptions,
  turns?: Turns,
): Found {
  const repository = signatureRepository(question.image, question.source);
  if (!repository.ok) {
    yield repository;
    return;
  }
  const search = {
    registry,
    from: repository.value,
    image: question.image.digest,
    options,
    limits,
    ...defined('turns', turns),
  };
  yield* upTo(maxBytes, findEverywhere(search, question));
}

async function* findEverywhere(search: Search, { format, source, wanted }: AttestationsQuestion): Found {
  const first = new Set(wanted.map(({ predicateType }) => predicateUri(predicateType)));
  if (format !== 'legacy') {
    yield* findReferring(search, { what: 'attestations', first, envelopes: format !== 'bundle' });
  }
  if (format !== 'bundle') yield* findLegacy(search, legacyTag(search.image, source, 'att'), first);
}

async function* findLegacy(search: Search, tag: string, first: ReadonlySet<string>): Found {
  const found = await readImageManifest(search, tag);
  if (!found.ok) {
    yield found;
    return;
  }
  const rank = ({ annotations }: OciDescriptor): number => (first.has(annotations['predicateType'] ?? '') ? 0 : 1);
  const layers = (found.value?.layers ?? []).filter(({ mediaType }) => mediaType === envelopeType);
  const ordered = layers.toSorted((a, b) => rank(a) - rank(b));
  for (const layer of ordered.slice(0, search.limits.maxFound)) {
    const read = (): ReturnType<typeof readAttestation> => readAttestation(search, layer);
    if (isLarge([layer])) yield* readInTurn(search, async () => [await read()]);
    else yield await read();
  }
  if (layers.length > search.limits.maxFound) yield tooMany(layers.length, search, 'attestations');
}

async function readAttestation(search: Search, layer: OciDescriptor): Promise<Result<SignatureArtifact>> {
  const { annotations } = layer;
  const envelope = await readLayer(search, layer);
  return envelope.ok ? ok({ format: 'legacy-attestation', envelope: envelope.value, annotations }) : envelope;
}

async function* upTo(most: number, all: Found): Found {
  let bytes = 0;
  for await (const found of all) {
    if (found.ok) bytes += sizeOf(found.value);
    if (bytes > most) {
      yield fail(failure('TOO_MANY_SIGNATURES', `attestations of more than ${most} bytes, and none of the first fits`));
      return;
    }
    yield found;
  }
}

function sizeOf(artifact: { readonly bundle: Uint8Array } | { readonly envelope: Uint8Array } | object): number {
  if ('bundle' in artifact) return artifact.bundle.length;
  return 'envelope' in artifact ? artifact.envelope.length : 0;
}
