import { defined } from './defined.ts';
import { parseDigest, type Digest } from './digest.ts';
import { failure, quoted } from './failure.ts';
import { fail, ok, type Result } from './result.ts';
import { asRecord, parseStrictJson } from './strict-json.ts';

/** OCI image-spec 1.1 manifests and indexes, and Docker's schema 2 equivalents; only what Countersign reads of them. */
export type OciManifest = OciImage | OciIndex;

export interface OciImage {
  readonly kind: 'image';
  readonly artifactType?: string;
  readonly config: OciDescriptor;
  readonly layers: readonly OciDescriptor[];
  readonly subject?: OciDescriptor;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface OciIndex {
  readonly kind: 'index';
  readonly manifests: readonly OciDescriptor[];
}

export interface OciDescriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
  readonly artifactType?: string;
  readonly annotations: Readonly<Record<string, string>>;
  readonly platform?: { readonly os: string; readonly architecture: string; readonly variant?: string };
}

/** cosign reads at most 1000 layers; GHSA-95pr-fxf5-86gv: nothing may be sized by a number that the registry sends. */
const maxDescriptors = 1000;

/** Thrown and caught in this file only: where a manifest stops making sense. */
class Malformed extends Error {}

/** A thousand descriptors with a hundred members each. Millions of empty values take a second to parse. */
const maxCommas = 100_000;

export function parseManifest(bytes: Uint8Array): Result<OciManifest> {
  if (hasMoreCommas(bytes, maxCommas)) return malformed('it has more values than any manifest');
  const json = parseStrictJson(bytes, 16);
  if (!json.ok) return malformed(json.problem);
  try {
    return ok(readManifest(json.value));
  } catch (error) {
    if (error instanceof Malformed) return malformed(error.message);
    throw error;
  }
}

function hasMoreCommas(bytes: Uint8Array, most: number): boolean {
  const comma = 0x2c;
  let count = 0;
  for (let at = bytes.indexOf(comma); at !== -1; at = bytes.indexOf(comma, at + 1)) {
    count += 1;
    if (count > most) return true;
  }
  return false;
}

function malformed(why: string): Result<never> {
  return fail(failure('SIGNATURE_MALFORMED', `the registry's manifest is malformed: ${quoted(why)}`));
}

function readManifest(value: unknown): OciManifest {
  const manifest = record(value, 'it');
  if (manifest['schemaVersion'] !== 2) throw new Malformed('schemaVersion is not 2');
  if (manifest['manifests'] !== undefined) {
    if (manifest['layers'] !== undefined || manifest['config'] !== undefined) {
      throw new Malformed('it is both an image and an index');
    }
    return { kind: 'index', manifests: descriptors(manifest['manifests'], 'manifests') };
  }
  return {
    kind: 'image',
    ...optionalText('artifactType', manifest['artifactType']),
    config: descriptor(manifest['config'], 'config'),
    layers: descriptors(manifest['layers'], 'layers'),
    ...defined('subject', manifest['subject'] === undefined ? undefined : descriptor(manifest['subject'], 'subject')),
    annotations: annotations(manifest['annotations'], 'annotations'),
  };
}

function descriptors(value: unknown, path: string): readonly OciDescriptor[] {
  if (!Array.isArray(value)) throw new Malformed(`${path} is not a list`);
  if (value.length > maxDescriptors) throw new Malformed(`${path} has more than ${maxDescriptors} entries`);
  return value.map((item, index) => descriptor(item, `${path}[${index}]`));
}

function descriptor(value: unknown, path: string): OciDescriptor {
  const members = record(value, path);
  const digest = parseDigest(members['digest']);
  if (digest === undefined) throw new Malformed(`${path}.digest is not a SHA-256 digest`);
  const size = members['size'];
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0)
    throw new Malformed(`${path}.size is not a size`);
  return {
    mediaType: text(members['mediaType'], `${path}.mediaType`),
    digest,
    size,
    ...optionalText('artifactType', members['artifactType']),
    annotations: annotations(members['annotations'], `${path}.annotations`),
    ...platform(members['platform'], `${path}.platform`),
  };
}

function platform(value: unknown, path: string): Pick<OciDescriptor, 'platform'> {
  if (value === undefined) return {};
  const members = record(value, path);
  const os = text(members['os'], `${path}.os`);
  const architecture = text(members['architecture'], `${path}.architecture`);
  return { platform: { os, architecture, ...optionalText('variant', members['variant']) } };
}

function annotations(value: unknown, path: string): Readonly<Record<string, string>> {
  if (value === undefined || value === null) return {};
  const entries = Object.entries(record(value, path)).map(
    ([key, item]) => [key, text(item, `${path}.${key}`)] as const,
  );
  // No prototype: names come from whoever pushed the manifest.
  return Object.assign(Object.create(null) as Record<string, string>, Object.fromEntries(entries));
}

function record(value: unknown, path: string): Readonly<Record<string, unknown>> {
  const found = asRecord(value);
  if (found === undefined) throw new Malformed(`${path} is not an object`);
  return found;
}

function text(value: unknown, path: string): string {
  if (typeof value !== 'string') throw new Malformed(`${path} is not a text`);
  return value;
}

function optionalText<K extends string>(key: K, value: unknown): { readonly [P in K]?: string } {
  return defined(key, value === undefined ? undefined : text(value, key));
}
