/**
 * Finds the contract of an image: in its configuration's label, else in the file system that its layers make. What is
 * found was proven against the image's digest. An image without contract is an answer, a contract that cannot be read is
 * CONTRACT_INVALID, and every other failure is the registry's.
 */
import { contractFile, contractLabel, versionLabel } from '../contract/contract-places.ts';
import type { ActionContract } from '../contract/model.ts';
import { parseContract } from '../contract/parse-contract.ts';
import { compareVersions, parseVersion, type Version } from '../contract/version.ts';
import { defined } from '../kernel/defined.ts';
import { digestOf } from '../kernel/digest.ts';
import { quoted } from '../kernel/failure.ts';
import { ok, type Result } from '../kernel/result.ts';
import { asRecord, parseStrictJson } from '../kernel/strict-json.ts';
import type { PinnedImage } from '../policy/question.ts';
import type { NodePlatform } from '../ports/pull-credentials.ts';
import type { CallOptions, Registry } from '../ports/registry.ts';
import { LayersSearch, type SearchLimits } from './contract-in-layers.ts';
import { contractInvalid } from './contract-invalid.ts';
import { fewAtATime } from './few-at-a-time.ts';
import { platformsOf, type PlatformImage } from './platforms-of-image.ts';

export type ContractRegistry = Pick<Registry, 'manifest' | 'blob' | 'streamBlob'>;

export interface ImageContract {
  readonly contract: ActionContract;
  /** For a person. */
  readonly place: string;
  /** How many it was read from. */
  readonly bytes: number;
}

const maxConfigBytes = 4 * 1024 * 1024;
const maxProblems = 20;
/** Of "sha256:…": enough to tell a few texts apart. */
const shownDigits = 'sha256:'.length + 12;

export async function contractOfImage(
  registry: ContractRegistry,
  image: PinnedImage,
  options: CallOptions,
  limits: SearchLimits,
  nodes: NodePlatform = {},
): Promise<Result<ImageContract | undefined>> {
  const platforms = await platformsOf(registry, image, nodes, options);
  if (!platforms.ok) return platforms;
  const labels = await fewAtATime(platforms.value, (platform) => readLabel(registry, image, platform, options));
  if (!labels.ok) return labels;
  const search = new LayersSearch(registry, image, options, limits);
  const found: Found[] = [];
  // One after the other, for what they may cost together is limited; mostly they have labels, or there is one.
  for (const { platform, manifest, contract, version } of labels.value) {
    const file = contract === undefined ? await search.contract(manifest.layers) : ok(undefined);
    if (!file.ok) return file;
    found.push({ ...foundIn(platform, contract, file.value), ...defined('version', version) });
  }
  const [first] = found;
  if (first === undefined) return contractInvalid('the index names no image for any platform that it can run on');
  if (found.some(({ text }) => text !== first.text)) return contractInvalid(disagreement(found));
  const read = parsed(first);
  if (!read.ok || read.value === undefined) return read;
  const { version } = read.value.contract;
  const other = found.find((one) => !isOf(version, one.version));
  return other === undefined ? read : contractInvalid(otherVersion(version.text, other));
}

/** The same bytes on every platform are the same text. */
interface Found {
  readonly platform: string;
  readonly place: string;
  readonly bytes?: Uint8Array;
  /** The digest of the bytes. */
  readonly text?: string;
  /** Of the image, as its label has it. */
  readonly version?: string;
}

function foundIn(platform: string, label: Uint8Array | undefined, file: Uint8Array | undefined): Found {
  const place = label === undefined ? `file /${contractFile}` : `label ${contractLabel}`;
  const bytes = label ?? file;
  return bytes === undefined ? { platform, place } : { platform, place, bytes, text: digestOf(bytes) };
}

interface Labels {
  readonly contract: Uint8Array | undefined;
  readonly version: string | undefined;
}

interface Labelled extends PlatformImage, Labels {}

async function readLabel(
  registry: ContractRegistry,
  image: PinnedImage,
  platform: PlatformImage,
  options: CallOptions,
): Promise<Result<Labelled>> {
  const { digest, size } = platform.manifest.config;
  if (size > maxConfigBytes)
    return contractInvalid(`the image's configuration has ${size} bytes, more than ${maxConfigBytes}`);
  const config = await registry.blob(image, digest, maxConfigBytes, options);
  if (!config.ok) return config;
  const labels = labelsOf(config.value);
  return labels.ok ? ok({ ...platform, ...labels.value }) : labels;
}

/** OCI image-spec 1.1 config.md; Docker's has the same members. */
function labelsOf(config: Uint8Array): Result<Labels> {
  const json = parseStrictJson(config);
  if (!json.ok) return contractInvalid(`the image's configuration cannot be read: ${quoted(json.problem)}`);
  const labels = asRecord(asRecord(asRecord(json.value)?.['config'])?.['Labels']);
  const contract = labels?.[contractLabel];
  const named = labels?.[versionLabel];
  const version = typeof named === 'string' ? named : undefined;
  if (contract === undefined) return ok({ contract, version });
  if (typeof contract !== 'string') return contractInvalid(`its label ${contractLabel} is no text`);
  return ok({ contract: Buffer.from(contract), version });
}

function parsed({ place, bytes }: Found): Result<ImageContract | undefined> {
  if (bytes === undefined) return ok(undefined);
  const contract = parseContract(bytes);
  if (contract.ok) return ok({ contract: contract.value, place, bytes: bytes.length });
  const more = contract.failure.length - maxProblems;
  const problems = contract.failure.slice(0, maxProblems).join('; ');
  return contractInvalid(`${place}: ${problems}${more > 0 ? `; and ${more} more` : ''}`);
}

/** A label that is no semver says nothing: images inherit it from what they are built on. */
function isOf(contract: Version, label: string | undefined): boolean {
  const version = label === undefined ? undefined : parseVersion(label);
  return version === undefined || compareVersions(version, contract) === 0;
}

function otherVersion(version: string, { place, version: label = '' }: Found): string {
  return `${place}: its version ${version} is not the image's, ${quoted(label, 64)} by label ${versionLabel}; they have to be equal`;
}

function disagreement(found: readonly Found[]): string {
  const platforms = found.map(({ platform, text }) => `${platform} has ${text?.slice(0, shownDigits) ?? 'none'}`);
  return `platforms must have the same one, byte for byte, but ${platforms.join(', ')}`;
}
