/**
 * Finds the contract of an image: in its configuration's label, else in the file system that its layers make. What is
 * found was proven against the image's digest; an image without contract is an answer, a contract that cannot be read
 * is CONTRACT_INVALID, and every other failure is the registry's.
 */
import type { ActionContract } from '../contract/model.ts';
import { parseContract } from '../contract/parse-contract.ts';
import { failure } from '../kernel/failure.ts';
import { parseManifest, type OciImage } from '../kernel/oci-manifest.ts';
import { fail, ok, type Result } from '../kernel/result.ts';
import { asRecord, parseStrictJson } from '../kernel/strict-json.ts';
import type { PinnedImage } from '../policy/question.ts';
import type { CallOptions, Registry } from '../ports/registry.ts';

export const contractLabel = 'ai.kubernaut.action-contract';
const maxConfigBytes = 4 * 1024 * 1024;

export async function contractOfImage(
  registry: Registry,
  image: PinnedImage,
  options: CallOptions,
): Promise<Result<ActionContract | undefined>> {
  const found = await registry.manifest(image, image.digest, options);
  if (!found.ok) return found;
  if (found.value === undefined) return fail(failure('IMAGE_NOT_FOUND', `the registry has no image ${image.digest}`));
  const manifest = parseManifest(found.value.bytes);
  if (!manifest.ok) return invalid(manifest.failure.message);
  if (manifest.value.kind === 'index') return invalid('images for several platforms are not read yet');
  const label = await readLabel(registry, image, manifest.value, options);
  if (!label.ok || label.value === undefined) return label.ok ? ok(undefined) : label;
  const contract = parseContract(label.value);
  if (contract.ok) return contract;
  return invalid(`its label ${contractLabel} is no valid contract: ${contract.failure.join('; ')}`);
}

async function readLabel(
  registry: Registry,
  image: PinnedImage,
  { config }: OciImage,
  options: CallOptions,
): Promise<Result<Uint8Array | undefined>> {
  const blob = await registry.blob(image, config.digest, maxConfigBytes, options);
  if (!blob.ok) return blob;
  const json = parseStrictJson(blob.value);
  if (!json.ok) return invalid(`its configuration cannot be read: ${json.problem}`);
  const label = asRecord(asRecord(asRecord(json.value)?.['config'])?.['Labels'])?.[contractLabel];
  if (label === undefined) return ok(undefined);
  return typeof label === 'string' ? ok(Buffer.from(label)) : invalid(`its label ${contractLabel} is not a text`);
}

function invalid(why: string): Result<never> {
  return fail(failure('CONTRACT_INVALID', `the image's contract cannot be used: ${why}`));
}
