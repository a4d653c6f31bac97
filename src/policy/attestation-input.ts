/**
 * What policy code is given of an attestation: the statement as sigstore policy-controller writes it after reading it
 * into the struct that belongs to the predicate type as written in the policy. Members that the struct does not have are
 * therefore not there: for a short name of a typed predicate in the predicate too, for others in the subjects.
 * cosign pkg/policy/attestation.go, in-toto-golang v0.9.0 in_toto/attestations.go
 */
import { failure, quoted } from '../kernel/failure.ts';
import { fail, ok, type Result } from '../kernel/result.ts';
import { parseStrictJson } from '../kernel/strict-json.ts';
import { asGo, GoTypeMismatch, type GoField, type GoType } from './go-json.ts';

/** POLICY_UNSATISFIED: the statement does not have the form that its predicate type promises. */
export function attestationInput(statement: string, predicateType: string): Result<string> {
  const json = parseStrictJson(statement);
  if (!json.ok) return fail(failure('POLICY_UNSATISFIED', `the attestation's statement: ${json.problem}`));
  try {
    return ok(asGo(json.value, statementWith(predicates.get(predicateType) ?? 'any')));
  } catch (error) {
    if (!(error instanceof GoTypeMismatch)) throw error;
    const what = `the attestation is not of the form of predicate type ${quoted(predicateType)}`;
    return fail(failure('POLICY_UNSATISFIED', `${what}: ${quoted(error.message)}`));
  }
}

function statementWith(predicate: GoType): GoType {
  return struct(
    field('_type', 'string'),
    field('predicateType', 'string'),
    field('subject', { list: struct(field('name', 'string'), field('digest', digests)) }),
    field('predicate', predicate),
  );
}

function struct(...fields: readonly GoField[]): GoType {
  return { struct: fields };
}

function field(name: string, type: GoType): GoField {
  return { name, type };
}

function optional(name: string, type: GoType): GoField {
  return { name, type, omitEmpty: true };
}

const digests: GoType = { map: 'string' };

/** in_toto/slsa_provenance/v0.2: what slsaprovenance is; slsaprovenance02 and slsaprovenance1 have no struct. */
const provenance = struct(
  field('builder', struct(field('id', 'string'))),
  field('buildType', 'string'),
  field(
    'invocation',
    struct(
      field(
        'configSource',
        struct(optional('uri', 'string'), optional('digest', digests), optional('entryPoint', 'string')),
      ),
      optional('parameters', 'any'),
      optional('environment', 'any'),
    ),
  ),
  optional('buildConfig', 'any'),
  optional('metadata', {
    pointer: struct(
      optional('buildInvocationID', 'string'),
      optional('buildStartedOn', { pointer: 'time' }),
      optional('buildFinishedOn', { pointer: 'time' }),
      field(
        'completeness',
        struct(field('parameters', 'bool'), field('environment', 'bool'), field('materials', 'bool')),
      ),
      field('reproducible', 'bool'),
    ),
  }),
  optional('materials', { list: struct(optional('uri', 'string'), optional('digest', digests)) }),
);

/** in_toto/model.go, Link */
const link = struct(
  field('_type', 'string'),
  field('name', 'string'),
  field('materials', { map: 'any' }),
  field('products', { map: 'any' }),
  field('byproducts', { map: 'any' }),
  field('command', { list: 'string' }),
  field('environment', { map: 'any' }),
);

/** cosign pkg/cosign/attestation, CosignVulnPredicate */
const vulnerabilities = struct(
  field(
    'invocation',
    struct(
      field('parameters', 'any'),
      field('uri', 'string'),
      field('event_id', 'string'),
      field('builder.id', 'string'),
    ),
  ),
  field(
    'scanner',
    struct(
      field('uri', 'string'),
      field('version', 'string'),
      field('db', struct(field('uri', 'string'), field('version', 'string'))),
      field('result', 'any'),
    ),
  ),
  field('metadata', struct(field('scanStartedOn', 'time'), field('scanFinishedOn', 'time'))),
);

const predicates: ReadonlyMap<string, GoType> = new Map([
  ['slsaprovenance', provenance],
  ['link', link],
  ['vuln', vulnerabilities],
]);
