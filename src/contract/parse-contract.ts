/**
 * Reads /action-contract.yaml (kubernaut.ai/v1alpha1, ActionContract), or tells everything that is wrong with it, each with
 * its path. The text comes out of an image: size, nesting and patterns are limited, what is not understood is refused.
 */
import { defined } from '../kernel/defined.ts';
import { quoted } from '../kernel/failure.ts';
import type { Glob } from '../kernel/glob.ts';
import { compileNameGlob } from '../kernel/name-glob.ts';
import { fail, ok, type Result } from '../kernel/result.ts';
import { asRecord, type StrictJson } from '../kernel/strict-json.ts';
import { parseStrictYaml } from '../kernel/strict-yaml.ts';
import { FieldErrors } from '../policy/field-errors.ts';
import { Fields } from '../policy/fields.ts';
import { millisOf, parseDuration } from './duration.ts';
import type { ActionContract, InputSpec } from './model.ts';
import { readInputs, readOutputs } from './parse-inputs.ts';
import { readPermissions } from './parse-permissions.ts';
import { readResources } from './parse-resources.ts';
import { readSecurityContext } from './parse-security-context.ts';
import { readDescription } from './texts.ts';
import { parseVersion, type Version } from './version.ts';

export const contractApiVersion = 'kubernaut.ai/v1alpha1';
export const contractKind = 'ActionContract';
/** Larger files are none of a person. */
export const maxContractBytes = 256 * 1024;
/** A contract of a hundred inputs has about five thousand lexemes. */
const limits = { characters: maxContractBytes, documents: 1, aliases: 0, lexemes: 30_000 };
const newestMajor = 1;

export function parseContract(bytes: Uint8Array): Result<ActionContract, readonly string[]> {
  const document = readDocument(bytes);
  if (!document.ok) return fail([quoted(document.problem, 500)]);
  const errors = new FieldErrors();
  const fields = new Fields(document.value, '', errors);
  readHeader(fields, errors);
  // What another kind or version means is not guessed at.
  const contract = errors.isEmpty ? readContract(fields, errors) : undefined;
  return contract !== undefined && errors.isEmpty ? ok(contract) : fail(listed(errors));
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

function readDocument(bytes: Uint8Array): StrictJson {
  if (bytes.length > maxContractBytes) return problem(`larger than ${maxContractBytes} bytes`);
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch {
    return problem('not valid UTF-8');
  }
  const stream = parseStrictYaml(text, limits);
  if (!stream.ok) return problem(stream.problem);
  const [document] = stream.documents;
  if (document === undefined || (document.ok && document.value === null)) return problem('there is no contract in it');
  if (document.ok && asRecord(document.value) === undefined) return problem('expected an object');
  return document;
}

function problem(text: string): StrictJson {
  return { ok: false, problem: text };
}

const maxProblems = 100;
const maxProblemLine = 1000;

/** Paths hold names out of the file. */
function listed(errors: FieldErrors): readonly string[] {
  const all = errors.list();
  const shown = all.slice(0, maxProblems).map((text) =>
    text
      .split('\n')
      .map((line) => quoted(line, maxProblemLine))
      .join('\n'),
  );
  return errors.count > maxProblems ? [...shown, `and ${errors.count - maxProblems} more problems`] : shown;
}

function readHeader(fields: Fields, errors: FieldErrors): void {
  const apiVersion = fields.text('apiVersion');
  const kind = fields.text('kind');
  if (!fields.has('apiVersion')) errors.missing('apiVersion');
  else if (apiVersion !== undefined && apiVersion !== contractApiVersion)
    errors.invalid(apiVersion, 'apiVersion', `this version is not known here; expected ${contractApiVersion}`);
  if (!fields.has('kind')) errors.missing('kind');
  else if (kind !== undefined && kind !== contractKind) errors.invalid(kind, 'kind', `expected ${contractKind}`);
}

function readContract(fields: Fields, errors: FieldErrors): ActionContract | undefined {
  const metadata = fields.object('metadata');
  const spec = fields.object('spec');
  if (metadata === undefined) errors.missing('metadata');
  if (spec === undefined) errors.missing('spec');
  fields.end();
  const named = metadata === undefined ? undefined : readMetadata(metadata, errors);
  const specified = spec === undefined ? undefined : readSpec(spec, errors);
  return named === undefined || specified === undefined ? undefined : { ...named, ...specified };
}

// RFC 1123
const label = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

function readMetadata(metadata: Fields, errors: FieldErrors): Pick<ActionContract, 'name' | 'version'> | undefined {
  const name = metadata.filled('name');
  const written = metadata.filled('version');
  metadata.end();
  if (name === undefined) errors.missing('metadata.name');
  else if (!label.test(name))
    errors.invalid(name, 'metadata.name', 'expected at most 63 lower-case letters, digits and "-"');
  if (written === undefined) errors.missing('metadata.version');
  const version = written === undefined ? undefined : readVersion(written, errors);
  return name === undefined || version === undefined ? undefined : { name, version };
}

function readVersion(written: string, errors: FieldErrors): Version | undefined {
  const version = parseVersion(written);
  if (version === undefined) errors.invalid(written, 'metadata.version', 'expected a semantic version such as v1.0.0');
  else if (version.major > newestMajor) {
    const known = `major version ${version.major} is not known here; contracts up to ${newestMajor}.x can be read`;
    errors.invalid(written, 'metadata.version', known);
  }
  return version;
}

function readSpec(spec: Fields, errors: FieldErrors): Omit<ActionContract, 'name' | 'version'> {
  const inputs = readInputs(spec, errors);
  const specified = {
    description: readDescription(spec, errors),
    inputs,
    outputs: readOutputs(spec, errors),
    resources: readResources(spec, errors),
    permissions: readPermissions(spec, errors),
    securityContext: readSecurityContext(spec, errors),
    ...readNamespaces(spec, inputs, errors),
    shell: spec.flag('shell') ?? true,
    ...defined('timeoutMs', readTimeout(spec, errors)),
    workspace: readWorkspace(spec, errors),
  };
  spec.end();
  return specified;
}

type Namespaces = Pick<ActionContract, 'run' | 'target' | 'targetInputs'>;

function readNamespaces(spec: Fields, inputs: readonly InputSpec[], errors: FieldErrors): Namespaces {
  const fields = spec.object('namespaces') ?? new Fields({}, spec.at('namespaces'), errors);
  const namespaces = {
    ...defined('run', readGlobs(fields, 'run', errors)),
    ...defined('target', readGlobs(fields, 'target', errors)),
    targetInputs: readTargetInputs(fields, inputs, errors),
  };
  fields.end();
  return namespaces;
}

function readGlobs(fields: Fields, member: string, errors: FieldErrors): readonly Glob[] | undefined {
  const isGiven = fields.has(member);
  const globs = fields.list(member, (value, path) => {
    const compiled = typeof value === 'string' ? compileNameGlob(value) : undefined;
    if (compiled?.ok === true) return compiled.value;
    errors.invalid(value, path, 'expected a namespace, or a pattern such as team-*');
    return undefined;
  });
  return isGiven ? globs.filter((glob) => glob !== undefined) : undefined;
}

const usualTargetInput = 'namespace';

/** Only names of namespaces can be held against an allowlist: texts and lists of texts. */
function readTargetInputs(fields: Fields, inputs: readonly InputSpec[], errors: FieldErrors): readonly string[] {
  const isGiven = fields.has('targetInputs');
  const given = fields.texts('targetInputs');
  const names = isGiven ? given : [usualTargetInput];
  for (const [index, name] of names.entries()) {
    const path = isGiven ? `${fields.at('targetInputs')}[${index}]` : fields.at('targetInputs');
    const input = inputs.find((candidate) => candidate.name === name);
    if (input === undefined && isGiven) errors.invalid(name, path, 'there is no input of this name');
    if (input !== undefined && input.type !== 'string' && input.type !== 'array')
      errors.invalid(name, path, 'an input that names target namespaces has type string or array');
  }
  return names;
}

const millisPerSecond = 1000;
/** activeDeadlineSeconds is a 32-bit number. */
const maxTimeout = (2 ** 31 - 1) * millisPerSecond;

function readTimeout(spec: Fields, errors: FieldErrors): number | undefined {
  const value = spec.raw('timeout');
  if (value === undefined) return undefined;
  const nanos = typeof value === 'string' ? parseDuration(value) : undefined;
  const millis = nanos === undefined ? 0 : millisOf(nanos);
  if (millis < millisPerSecond || millis > maxTimeout)
    errors.invalid(value, spec.at('timeout'), 'expected a duration of at least 1s, such as 5m');
  return millis;
}

const workspaces = ['required', 'optional', 'none'] as const;

function readWorkspace(spec: Fields, errors: FieldErrors): ActionContract['workspace'] {
  const written = spec.text('workspace');
  const workspace = workspaces.find((choice) => choice === written);
  if (written !== undefined && workspace === undefined)
    errors.invalid(written, spec.at('workspace'), `expected ${workspaces.join(', ')}`);
  return workspace ?? 'optional';
}
