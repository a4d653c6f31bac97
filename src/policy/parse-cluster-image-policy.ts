/**
 * Reads a ClusterImagePolicy (policy.sigstore.dev v1alpha1 and v1beta1 have one schema) into data with every default
 * filled in, or tells everything that is wrong with it. What is valid but not implemented is kept as a sentence in
 * `notReady`: such a policy refuses what it matches. It looks nothing up: secrets and trust roots come in compile.ts.
 */
import { defined } from '../kernel/defined.ts';
import { compileGlob, type Glob } from '../kernel/glob.ts';
import { fail, ok, type Result } from '../kernel/result.ts';
import { FieldErrors } from './field-errors.ts';
import { Fields } from './fields.ts';
import type { MatchRule, Mode, ObjectPolicy } from './model.ts';
import { parseAuthority, type ParsedAuthority, type ParsedCode } from './parse-authority.ts';

export interface ParsedPolicy {
  readonly name: string;
  readonly images: readonly Glob[];
  readonly match: readonly MatchRule[];
  readonly mode: Mode;
  readonly authorities: readonly ParsedAuthority[];
  readonly policy?: ParsedObjectPolicy;
  readonly notReady: readonly string[];
}

export type ParsedObjectPolicy = Omit<ObjectPolicy, 'code'> & ParsedCode;

export const policyApiVersions = ['policy.sigstore.dev/v1alpha1', 'policy.sigstore.dev/v1beta1'];

/** Fails with the list of everything wrong, in policy-controller's words. */
export function parseClusterImagePolicy(document: unknown): Result<ParsedPolicy, readonly string[]> {
  const errors = new FieldErrors();
  const fields = new Fields(document, '', errors);
  const name = readHeader(fields, policyApiVersions, 'ClusterImagePolicy', errors);
  const spec = fields.object('spec');
  if (spec === undefined) errors.missing('spec');
  const parsed = spec === undefined ? undefined : readSpec(name, spec, errors);
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

function readSpec(name: string, spec: Fields, errors: FieldErrors): ParsedPolicy {
  const notReady: string[] = [];
  const images = spec.objects('images', (entry) => readGlob(entry, errors)).filter((glob) => glob !== undefined);
  if (!spec.has('images') || spec.list('images', () => 0).length === 0) errors.missing('spec.images');
  const authorities = spec.objects('authorities', (entry, index) => parseAuthority(entry, index, errors));
  if (authorities.length === 0) errors.missing('spec.authorities');
  if (spec.raw('policy') !== undefined) notReady.push('spec.policy is not supported yet');
  const mode = readMode(spec, errors);
  const match = spec.objects('match', (entry) => readMatchRule(entry, errors));
  spec.end();
  for (const authority of authorities) notReady.push(...authority.notReady);
  return { name, images, match, mode, authorities, notReady };
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

/** policy-controller's list and the other kinds that are judged here. */
const resources = new Set([
  'pods',
  'replicasets',
  'deployments',
  'statefulsets',
  'daemonsets',
  'jobs',
  'cronjobs',
  'replicationcontrollers',
  'podtemplates',
  'tasks',
  'taskruns',
  'pipelines',
  'pipelineruns',
]);

function readMatchRule(entry: Fields, errors: FieldErrors): MatchRule {
  const group = entry.text('group');
  const version = entry.filled('version');
  const resource = entry.filled('resource');
  if (resource !== undefined && !resources.has(resource)) {
    errors.invalid(resource, entry.at('resource'), 'unsupported resource name');
  }
  const selector = entry.object('selector');
  if (selector !== undefined && [group, version, resource].every((member) => member === undefined)) {
    errors.missing(entry.at('resource'));
    errors.add(
      'expected a resource type',
      entry.at('selector'),
      'selector requires a resource type to match the labels',
    );
  }
  return {
    ...defined('group', group),
    ...defined('version', version),
    ...defined('resource', resource),
    ...defined('selector', selector === undefined ? undefined : readSelector(selector, errors)),
  };
}

const operators = ['In', 'NotIn', 'Exists', 'DoesNotExist'] as const;

function readSelector(selector: Fields, errors: FieldErrors): NonNullable<MatchRule['selector']> {
  const matchLabels = selector.labels('matchLabels');
  const matchExpressions = selector.objects('matchExpressions', (entry) => {
    const key = entry.filled('key') ?? '';
    if (key === '') errors.missing(entry.at('key'));
    const written = entry.filled('operator');
    const operator = operators.find((candidate) => candidate === written);
    if (operator === undefined) errors.invalid(written, entry.at('operator'), `expected ${operators.join(', ')}`);
    const values = entry.texts('values');
    const needsValues = operator === 'In' || operator === 'NotIn';
    if (needsValues && values.length === 0) errors.missing(entry.at('values'));
    if (!needsValues && values.length > 0) errors.forbidden(entry.at('values'));
    return { key, operator: operator ?? 'Exists', values };
  });
  selector.end();
  return { matchLabels, matchExpressions };
}
