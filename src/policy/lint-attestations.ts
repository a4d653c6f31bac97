/** What is allowed of attestations and policy code but probably not meant; the first is policy-controller's own warning. */
import { FieldErrors } from './field-errors.ts';
import type { ParsedAttestation, ParsedAuthority } from './parse-authority.ts';
import type { ParsedCode } from './parse-code.ts';
import type { ParsedPolicy } from './parse-cluster-image-policy.ts';

export function lintAttestations(policy: ParsedPolicy): readonly string[] {
  const code = policy.policy === undefined ? [] : lintCode(policy.policy, 'spec.policy');
  return [...deprecatedTypes(policy.authorities), ...policy.authorities.flatMap(lintDemands), ...code];
}

function deprecatedTypes(authorities: readonly ParsedAuthority[]): readonly string[] {
  const warnings = new FieldErrors();
  for (const [index, authority] of authorities.entries()) {
    for (const { predicateType } of demandsOf(authority)) {
      if (isUri(predicateType)) continue;
      // The path without index is policy-controller's.
      const path = `spec.authorities[${index}].attestations.predicateType`;
      warnings.invalid(predicateType, path, 'deprecated value, please use RFC 3986 conformant values');
    }
  }
  return warnings.list();
}

/** What Go's url.ParseRequestURI takes: an address with a scheme, or a path from the root. */
function isUri(text: string): boolean {
  const [, scheme, rest = ''] = /^([A-Za-z][A-Za-z0-9+.-]*):(.*)$/s.exec(text) ?? [undefined, undefined, text];
  if (scheme === undefined && !rest.startsWith('/')) return false;
  if (/[\p{Cc}]/u.test(text)) return false;
  // Without a slash the rest is opaque to Go, whatever it holds.
  if (!rest.startsWith('/')) return true;
  if (/%(?![0-9A-Fa-f]{2})/.test(rest.split('?', 1)[0] ?? '')) return false;
  const host = /^\/\/([^/?]*)/.exec(rest)?.[1];
  return scheme === undefined || host === undefined || !/[ "<>\\^`{|}]/.test(host);
}

function demandsOf(authority: ParsedAuthority): readonly ParsedAttestation[] {
  return authority.kind === 'static' ? [] : authority.attestations;
}

function lintDemands(authority: ParsedAuthority, index: number): readonly string[] {
  const path = `spec.authorities[${index}].attestations`;
  const demands = demandsOf(authority);
  const names = demands.map(({ name }) => name);
  const repeated = new Set(names.filter((name, at) => names.indexOf(name) !== at));
  return [
    ...[...repeated].map(
      (name) => `${path}: the name "${name}" is used more than once, and code over the whole sees one`,
    ),
    ...demands.flatMap(({ policy }, at) =>
      policy === undefined
        ? [`${path}[${at}]: without policy any attestation of that type passes, whatever it says`]
        : lintCode(policy, `${path}[${at}].policy`),
    ),
  ];
}

function lintCode({ language, source }: ParsedCode, path: string): readonly string[] {
  if (source.kind !== 'data') return [];
  switch (language) {
    case 'cue':
      return lintCue(source.text, path);
    case 'rego':
      return lintRego(source.text, path);
    case 'cel':
      return /^\s*true\s*$/.test(source.text) ? [`${path}: it says yes to everything`] : [];
  }
}

/**
 * CUE passes unless values contradict each other: what the policy names and the input does not have is no contradiction,
 * not even with `name!:`, as cosign does not demand concrete values. A list of one over what is there is a way.
 */
function lintCue(text: string, path: string): readonly string[] {
  const code = withoutComments(text, '//');
  if (!/:/.test(code)) return [`${path}: it demands nothing, so it says yes to everything`];
  if (/\]\s*&\s*\[/.test(code)) return [];
  return [
    `${path}: CUE passes where a field is missing, with name!: as well; ask for it with a list of one, or in Rego`,
  ];
}

function lintRego(text: string, path: string): readonly string[] {
  const code = withoutComments(text, '#');
  return [
    ...(/^\s*package\s+sigstore\b/m.test(code) ? [] : [`${path}: without "package sigstore" it never passes`]),
    ...(/\bisCompliant\b/.test(code) ? [] : [`${path}: without a rule "isCompliant" it never passes`]),
    ...(/\bdefault\s+isCompliant\s*:?=\s*true\b/.test(code) ? [`${path}: what no rule speaks of passes`] : []),
    ...(/\bhttp\.send\b|\bnet\.lookup_ip_addr\b|\bopa\.runtime\b/.test(code)
      ? [`${path}: code has no network here and cannot look at the program, so it does not compile`]
      : []),
  ];
}

/** Good enough for a hint: a mark in a text in quotes ends the line too early. */
function withoutComments(text: string, mark: string): string {
  return text
    .split('\n')
    .map((line) => line.split(mark, 1)[0] ?? '')
    .join('\n');
}
