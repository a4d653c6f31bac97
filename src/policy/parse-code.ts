/** Policy code, of an attestation or of the whole policy, and the attestations that it belongs to. */
import { defined } from '../kernel/defined.ts';
import type { FieldErrors } from './field-errors.ts';
import type { Fields } from './fields.ts';
import type { AttestationDemand, ObjectPolicy, PolicyLanguage } from './model.ts';

/** Where policy code is. `none` only beside an error. */
export type CodeSource =
  | { readonly kind: 'data'; readonly text: string }
  /** In Countersign's own namespace; without a key, the only one. */
  | { readonly kind: 'config-map'; readonly name: string; readonly key?: string }
  /** Lower-case hex SHA-256 of what is there. */
  | { readonly kind: 'remote'; readonly url: string; readonly sha256: string }
  | { readonly kind: 'none' };

export interface ParsedCode {
  readonly language: PolicyLanguage;
  readonly source: CodeSource;
}

export interface ParsedAttestation extends Omit<AttestationDemand, 'policy'> {
  readonly policy?: ParsedCode;
}

export type ParsedObjectPolicy = Omit<ObjectPolicy, 'code'> & ParsedCode;

export function parseAttestation(entry: Fields, errors: FieldErrors): ParsedAttestation {
  const name = entry.filled('name');
  const predicateType = entry.filled('predicateType');
  if (name === undefined) errors.missing(entry.at('name'));
  if (predicateType === undefined) errors.missing(entry.at('predicateType'));
  const policy = entry.object('policy');
  if (policy !== undefined) {
    // `false` is written as well as `true`: policy-controller asks whether they are there.
    for (const flag of flags) if (policy.has(flag)) errors.forbidden(policy.at(flag));
    policy.ignore(...flags);
  }
  return {
    name: name ?? '',
    predicateType: predicateType ?? '',
    ...defined('policy', policy === undefined ? undefined : readCode(policy, errors)),
  };
}

const flags = ['fetchConfigFile', 'includeSpec', 'includeObjectMeta', 'includeTypeMeta'] as const;

export function parseObjectPolicy(policy: Fields, errors: FieldErrors): ParsedObjectPolicy {
  const [fetchConfigFile = false, includeSpec = false, includeObjectMeta = false, includeTypeMeta = false] = flags.map(
    (flag) => policy.flag(flag),
  );
  return { fetchConfigFile, includeSpec, includeObjectMeta, includeTypeMeta, ...readCode(policy, errors) };
}

/** CUE and Rego as in policy-controller; CEL is ours. */
const languages = ['cue', 'rego', 'cel'] as const;

function readCode(policy: Fields, errors: FieldErrors): ParsedCode {
  const written = policy.filled('type') ?? '';
  const language = languages.find((candidate) => candidate === written);
  if (language === undefined)
    errors.invalid(written, policy.at('type'), `only [${languages.join(',')}] are supported at the moment`);
  const source = readCodeSource(policy, errors);
  policy.end();
  return { language: language ?? 'cue', source };
}

function readCodeSource(policy: Fields, errors: FieldErrors): CodeSource {
  const text = policy.filled('data');
  const configMap = policy.object('configMapRef');
  const remote = policy.object('remote');
  const paths = ['data', 'configMapRef', 'remote'].map((name) => policy.at(name));
  const given = [text, configMap, remote].filter((source) => source !== undefined);
  if (given.length === 0) for (const path of paths) errors.missing(path);
  if (given.length > 1) errors.both(paths);
  const sources = [
    ...(text === undefined ? [] : [{ kind: 'data', text } as const]),
    ...(configMap === undefined ? [] : [readConfigMapRef(configMap, errors)]),
    ...(remote === undefined ? [] : [readRemote(remote, errors)]),
  ];
  return sources[0] ?? { kind: 'none' };
}

function readConfigMapRef(reference: Fields, errors: FieldErrors): CodeSource {
  const name = reference.filled('name');
  const key = reference.filled('key');
  if (name === undefined) errors.missing(reference.at('name'));
  if (key === undefined) errors.missing(reference.at('key'));
  // As in policy-controller it is looked for in the namespace of the program, whatever is written.
  reference.ignore('namespace');
  reference.end();
  return { kind: 'config-map', name: name ?? '', key: key ?? '' };
}

function readRemote(remote: Fields, errors: FieldErrors): CodeSource {
  const url = remote.filled('url') ?? '';
  if (!isHttps(url)) errors.invalid(url, remote.at('url'), 'url valid is invalid. host and https scheme are expected');
  const sha256 = remote.filled('sha256sum');
  if (sha256 === undefined) errors.missing(remote.at('sha256sum'));
  else if (!/^[0-9a-f]{64}$/.test(sha256))
    errors.invalid(sha256, remote.at('sha256sum'), 'expected 64 lower-case hexadecimal digits');
  remote.end();
  return { kind: 'remote', url, sha256: sha256 ?? '' };
}

/** URL alone would read a host out of "https:host" and "https:///host". */
function isHttps(url: string): boolean {
  return /^https:\/\/[^/?#\\]/i.test(url) && URL.canParse(url);
}
