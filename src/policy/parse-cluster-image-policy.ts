/**
 * Reads a ClusterImagePolicy (policy.sigstore.dev v1alpha1 and v1beta1 have one schema) into data with every default
 * filled in, or tells everything that is wrong with it. It looks nothing up: secrets and trust roots come in compile.ts.
 */
import { defined } from '../kernel/defined.ts';
import { compileGlob, type Glob } from '../kernel/glob.ts';
import { fail, ok, type Result } from '../kernel/result.ts';
import { asRecord } from '../kernel/strict-json.ts';
import { FieldErrors } from './field-errors.ts';
import { Fields } from './fields.ts';
import { usualSystemNamespace, type MatchRule, type Mode, type PolicyRules } from './model.ts';
import { parseAuthority, type ParsedAuthority } from './parse-authority.ts';
import { parseObjectPolicy, type ParsedObjectPolicy } from './parse-code.ts';
import { parseMatchRule } from './parse-match-rule.ts';

export type { ParsedObjectPolicy } from './parse-code.ts';

export interface ParsedPolicy {
  readonly name: string;
  readonly images: readonly Glob[];
  readonly match: readonly MatchRule[];
  readonly mode: Mode;
  readonly authorities: readonly ParsedAuthority[];
  readonly policy?: ParsedObjectPolicy;
  /** Of a policy that stands in for a broken one. */
  readonly notReady: readonly string[];
}

export const policyApiVersions = ['policy.sigstore.dev/v1alpha1', 'policy.sigstore.dev/v1beta1'];

/** Fails with the list of everything wrong, in policy-controller's words. */
export function parseClusterImagePolicy(
  document: unknown,
  rules: PolicyRules = {},
): Result<ParsedPolicy, readonly string[]> {
  const errors = new FieldErrors();
  const fields = new Fields(document, '', errors);
  const name = readHeader(fields, policyApiVersions, 'ClusterImagePolicy', errors);
  const spec = fields.object('spec');
  if (spec === undefined) errors.missing('spec');
  const parsed = spec === undefined ? undefined : readSpec(name, spec, errors, rules);
  fields.end();
  return parsed !== undefined && errors.isEmpty ? ok(parsed) : fail(errors.list());
}

/** What the API server demands of names; files and ConfigMaps have no API server before them. RFC 1123 */
const objectName = /^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/;

/** apiVersion, kind, metadata and status; the name. */
export function readHeader(fields: Fields, apiVersions: readonly string[], kind: string, errors: FieldErrors): string {
  const apiVersion = fields.text('apiVersion');
  if (!apiVersions.includes(apiVersion ?? ''))
    errors.invalid(apiVersion, 'apiVersion', `expected ${apiVersions.join(' or ')}`);
  if (fields.text('kind') !== kind) errors.invalid(fields.raw('kind'), 'kind', `expected ${kind}`);
  // Metadata belongs to the API server; only the name is read.
  fields.ignore('status');
  const name = fields.object('metadata')?.filled('name');
  if (name === undefined) errors.missing('metadata.name');
  else if (!objectName.test(name))
    errors.invalid(name, 'metadata.name', 'expected lower-case letters, digits, "-" and "."');
  return name ?? '';
}

function readSpec(name: string, spec: Fields, errors: FieldErrors, rules: PolicyRules): ParsedPolicy {
  const images = spec.objects('images', (entry) => readGlob(entry, errors)).filter((glob) => glob !== undefined);
  if (isEmpty(spec.raw('images'))) errors.missing(spec.at('images'));
  const authorities = hasTooMany(spec.raw('authorities'), errors)
    ? []
    : spec.objects('authorities', (entry, index) => parseAuthority(entry, index, errors));
  if (isEmpty(spec.raw('authorities')) && rules.allowsNoAuthorities !== true) errors.missing(spec.at('authorities'));
  checkNamespaces(authorities, rules, errors);
  const policy = spec.object('policy');
  const code = policy === undefined ? undefined : parseObjectPolicy(policy, errors);
  const mode = readMode(spec, errors);
  const match = spec.objects('match', (entry) => parseMatchRule(entry, errors));
  spec.end();
  return { name, images, match, mode, authorities, ...defined('policy', code), notReady: [] };
}

/** Patterns are compiled while a request waits, a quarter of a millisecond each. */
const maxIdentities = 1_000;

function hasTooMany(authorities: unknown, errors: FieldErrors): boolean {
  const lists = Array.isArray(authorities)
    ? authorities.map((entry: unknown) => asRecord(asRecord(entry)?.['keyless'])?.['identities'])
    : [];
  const count = lists.reduce((sum: number, list) => sum + (Array.isArray(list) ? list.length : 0), 0);
  if (count <= maxIdentities) return false;
  errors.invalid(`${count} identities`, 'spec.authorities', `expected at most ${maxIdentities}`);
  return true;
}

function isEmpty(list: unknown): boolean {
  return list === undefined || (Array.isArray(list) && list.length === 0);
}

const otherNamespace =
  'secretref.namespace is invalid. If set, it should use the same namespace where the policy-controller was deployed';

function checkNamespaces(
  authorities: readonly ParsedAuthority[],
  { secretNamespace }: PolicyRules,
  errors: FieldErrors,
) {
  if (secretNamespace === undefined) return;
  const own: readonly unknown[] = [undefined, secretNamespace, usualSystemNamespace];
  for (const [index, authority] of authorities.entries()) {
    if (authority.kind === 'static') continue;
    const [source, place] = authority.kind === 'key' ? [authority.key, 'key'] : [authority.caCert, 'keyless.ca-cert'];
    if (source?.kind !== 'secret' || own.includes(source.namespace)) continue;
    errors.invalid(source.namespace, `spec.authorities[${index}].${place}.secretref.namespace`, otherNamespace);
  }
}

export function readGlob(entry: Fields, errors: FieldErrors): Glob | undefined {
  const glob = entry.filled('glob');
  if (glob === undefined) {
    errors.missing(entry.at('glob'));
    return undefined;
  }
  const compiled = compileGlob(glob);
  if (compiled.ok) return compiled.value;
  errors.invalid(glob, entry.at('glob'), `glob is invalid: ${compiled.problem}`);
  return undefined;
}

function readMode(spec: Fields, errors: FieldErrors): Mode {
  const mode = spec.filled('mode') ?? 'enforce';
  if (mode === 'enforce' || mode === 'warn') return mode;
  errors.invalid(mode, spec.at('mode'), 'unsupported mode');
  return 'enforce';
}
