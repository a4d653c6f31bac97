/** `remote` and `repository` of a TrustRoot: where a TUF repository is, and the root.json that it is trusted by. */
import { asRecord, parseStrictJson } from '../kernel/strict-json.ts';
import { decodeBase64 } from './base64.ts';
import type { FieldErrors } from './field-errors.ts';
import type { Fields } from './fields.ts';

export type TrustRootSource = RemoteSource | RepositorySource;

interface TufSource {
  /** The initial root.json: whoever it names decides what is trusted. */
  readonly root: Buffer;
  /** Folder of the targets, below the metadata. */
  readonly targets: string;
  readonly trustedRootTarget: string;
}

export interface RemoteSource extends TufSource {
  readonly kind: 'remote';
  /** An http or https address; without a slash at its end. */
  readonly mirror: string;
}

export interface RepositorySource extends TufSource {
  readonly kind: 'repository';
  /** The whole repository as tar.gz. */
  readonly archive: Buffer;
}

/** Undefined: something was complained of. */
export function readRemote(remote: Fields, errors: FieldErrors): RemoteSource | undefined {
  const written = remote.filled('mirror');
  if (written === undefined) errors.missing(remote.at('mirror'));
  else if (!isHttp(written)) errors.invalid(written, remote.at('mirror'), 'expected an http or https address');
  const rest = readCommon(remote, errors);
  remote.end();
  if (written === undefined || !isHttp(written) || rest === undefined) return undefined;
  return { kind: 'remote', mirror: written.replace(/\/+$/, ''), ...rest };
}

/** What is in the archive is looked at by whoever has a clock. */
export function readRepository(repository: Fields, errors: FieldErrors): RepositorySource | undefined {
  const rest = readCommon(repository, errors);
  const written = repository.filled('mirrorFS');
  // policy-controller's name for it
  if (written === undefined) errors.missing(repository.at('repository'));
  repository.end();
  if (written === undefined || rest === undefined) return undefined;
  const archive = decodeBase64(written);
  const problem = archive === undefined ? 'it is not base64' : gzipProblem(archive);
  if (archive !== undefined && problem === undefined) return { kind: 'repository', archive, ...rest };
  errors.invalid('failed to construct a TUF client', repository.at('mirrorFS'), `failed to uncompress: ${problem}`);
  return undefined;
}

/** RFC 1952 §2.3.1 */
function gzipProblem(archive: Buffer): string | undefined {
  return archive.length >= 10 && archive.readUIntBE(0, 3) === 0x1f8b08 ? undefined : 'gzip: invalid header';
}

function isHttp(text: string): boolean {
  return URL.canParse(text) && ['http:', 'https:'].includes(new URL(text).protocol);
}

function readCommon(source: Fields, errors: FieldErrors): TufSource | undefined {
  const targets = source.filled('targets') ?? 'targets';
  const trustedRootTarget = source.filled('trustedRootTarget') ?? 'trusted_root.json';
  const written = source.filled('root');
  if (written === undefined) {
    errors.missing(source.at('root'));
    return undefined;
  }
  const root = decodeBase64(written);
  if (root === undefined) {
    errors.invalid('<root>', source.at('root'), 'expected base64 of the initial root.json');
    return undefined;
  }
  return checkRoot(root, source.at('root'), errors) ? { root, targets, trustedRootTarget } : undefined;
}

function checkRoot(root: Buffer, path: string, errors: FieldErrors): boolean {
  const json = parseStrictJson(root);
  const record = json.ok ? asRecord(json.value) : undefined;
  if (record === undefined) {
    errors.invalid('failed to unmarshal', path, json.ok ? `json: ${notAnObject(json.value)}` : jsonProblem(root, json));
    return false;
  }
  if (record['signatures'] !== undefined && record['signatures'] !== null) return true;
  errors.invalid('missing signatures in root.json', path, 'no signatures');
  return false;
}

/** In the words of Go's encoding/json, as far as they can be known without being it. */
function jsonProblem(root: Buffer, { problem }: { readonly problem: string }): string {
  const text = root.toString('utf8').trimStart();
  const [first] = text;
  if (first === undefined) return 'unexpected end of JSON input';
  return /[{["\-0-9tfn]/.test(first) ? problem : `invalid character '${first}' looking for beginning of value`;
}

function notAnObject(value: unknown): string {
  const kind = Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value;
  return `cannot unmarshal ${kind} into Go value of type map[string]interface {}`;
}
