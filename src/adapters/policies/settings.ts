import { quoted } from '../../kernel/failure.ts';
import { asRecord } from '../../kernel/strict-json.ts';
import { compatibilities, type Compatibility, type NoMatchPolicy } from '../../policy/model.ts';
import type { PolicyProblem } from '../../ports/policies.ts';

/** What may be changed while the program runs: a ConfigMap of this name in Countersign's own namespace. */
export const settingsName = 'countersign-config';

export interface Settings {
  readonly noMatch: NoMatchPolicy;
  /** A policy without authorities may be stored; it refuses what it matches. */
  readonly allowsNoAuthorities: boolean;
  readonly compatibility: readonly Compatibility[];
  readonly problems: readonly PolicyProblem[];
}

type Data = Readonly<Record<string, unknown>>;
type Told = PolicyProblem[];

/** The names of sigstore policy-controller, `compatibility` apart. Of a value that is not known the stricter meaning counts. */
export function readSettings(configMap: unknown, fallback: NoMatchPolicy): Settings {
  const data = asRecord(asRecord(configMap)?.['data']) ?? {};
  const problems: Told = Object.keys(data)
    .filter((key) => !known.has(key))
    .map((key) => problem(`there is no setting "${quoted(key, 64)}"`, 'It changes nothing.'));
  return {
    noMatch: readNoMatch(data, fallback, problems),
    allowsNoAuthorities: readFlag(data, problems),
    compatibility: readCompatibility(data, problems),
    problems,
  };
}

/** `_example` is documentation in the ConfigMaps of policy-controller. */
const known = new Set(['no-match-policy', 'fail-on-empty-authorities', 'compatibility', '_example']);

function readNoMatch(data: Data, fallback: NoMatchPolicy, problems: Told): NoMatchPolicy {
  const value = data['no-match-policy'];
  if (value === undefined) return fallback;
  if (value === 'deny' || value === 'warn' || value === 'allow') return value;
  const unknown = `no-match-policy is ${quoted(JSON.stringify(value), 64)}, expected deny, warn or allow`;
  problems.push(problem(unknown, 'Images that no policy matches are refused.'));
  return 'deny';
}

function readFlag(data: Data, problems: Told): boolean {
  const value = data['fail-on-empty-authorities'];
  if (value === undefined || value === 'true' || value === 'false') return value === 'false';
  const unknown = `fail-on-empty-authorities is ${quoted(JSON.stringify(value), 64)}, expected true or false`;
  problems.push(problem(unknown, 'Policies without authorities are not stored.'));
  return false;
}

function readCompatibility(data: Data, problems: Told): readonly Compatibility[] {
  const value = data['compatibility'];
  const words = typeof value === 'string' ? value.split(/[\s,]+/).filter((word) => word !== '') : [];
  for (const word of words) {
    if (compatibilities.some((one) => one === word)) continue;
    const unknown = `compatibility names "${quoted(word, 64)}", expected ${compatibilities.join(', ')}`;
    problems.push(problem(unknown, 'It changes nothing.'));
  }
  return compatibilities.filter((one) => words.includes(one));
}

function problem(message: string, consequence: string): PolicyProblem {
  return { where: `ConfigMap ${settingsName}`, message, consequence };
}
