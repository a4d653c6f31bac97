import { quoted } from '../../kernel/failure.ts';
import { asRecord } from '../../kernel/strict-json.ts';
import type { NoMatchPolicy } from '../../policy/model.ts';
import type { PolicyProblem } from '../../ports/policies.ts';

/** What may be changed while the program runs: a ConfigMap of this name in Countersign's own namespace. */
export const settingsName = 'countersign-config';

export interface Settings {
  readonly noMatch: NoMatchPolicy;
  readonly problems: readonly PolicyProblem[];
}

/** `no-match-policy` as in sigstore policy-controller: what is not known is deny. */
export function readSettings(configMap: unknown, fallback: NoMatchPolicy): Settings {
  const data = asRecord(asRecord(configMap)?.['data']) ?? {};
  const problems = Object.keys(data)
    .filter((key) => key !== 'no-match-policy')
    .map((key) => problem(`there is no setting "${quoted(key, 64)}"`, 'It changes nothing.'));
  const value = data['no-match-policy'];
  if (value === undefined) return { noMatch: fallback, problems };
  if (value === 'deny' || value === 'warn' || value === 'allow') return { noMatch: value, problems };
  const unknown = `no-match-policy is ${quoted(JSON.stringify(value), 64)}, expected deny, warn or allow`;
  return { noMatch: 'deny', problems: [...problems, problem(unknown, 'Images that no policy matches are refused.')] };
}

function problem(message: string, consequence: string): PolicyProblem {
  return { where: `ConfigMap ${settingsName}`, message, consequence };
}
