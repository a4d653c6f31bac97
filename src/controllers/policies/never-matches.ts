/** What of a policy can match nothing at all, whatever is deployed. Pure. */
import { judgedKinds } from '../../admission/judged-kinds.ts';
import { quoted } from '../../kernel/failure.ts';
import type { Glob } from '../../kernel/glob.ts';
import { globNote } from '../../policy/explain.ts';
import type { MatchRule } from '../../policy/model.ts';

export interface Reach {
  /** `none`: the policy matches nothing. */
  readonly extent: 'all' | 'some' | 'none';
  /** What is in vain, one sentence each. */
  readonly vain: readonly string[];
}

export function reachOf(policy: { readonly images: readonly Glob[]; readonly match?: readonly MatchRule[] }): Reach {
  const { images, match = [] } = policy;
  const globs = images.map((glob, index) => vainGlob(glob, index));
  const rules = match.map((rule, index) => vainRule(rule, index));
  const vain = [...globs, ...rules].filter((sentence) => sentence !== undefined);
  const isNone = allVain(globs) || (rules.length > 0 && allVain(rules));
  if (isNone) return { extent: 'none', vain };
  return { extent: vain.length === 0 ? 'all' : 'some', vain };
}

function allVain(sentences: readonly (string | undefined)[]): boolean {
  return sentences.every((sentence) => sentence !== undefined);
}

function vainGlob(glob: Glob, index: number): string | undefined {
  const note = globNote(glob);
  return note === undefined ? undefined : `spec.images[${index}].glob "${quoted(glob.source)}" ${note}`;
}

/** As in policy-controller a rule must name resource and version, and the core group is the empty one. */
function vainRule({ group = '', version, resource }: MatchRule, index: number): string | undefined {
  const path = `spec.match[${index}]`;
  if (resource === undefined) return `${path} never matches: it names no resource`;
  if (version === undefined) return `${path} never matches: it names no version; write version: "*"`;
  const kinds = judgedKinds.filter((kind) => kind.resource === resource);
  const [first, ...others] = kinds.filter((kind) => kind.group === group);
  if (first === undefined) {
    const groups = kinds.map((kind) => kind.group || '""').join(' or ');
    return `${path} never matches: ${resource} are not of group "${quoted(group, 64)}"; write group: ${groups}`;
  }
  const versions = [first, ...others].flatMap((kind) => kind.versions);
  if (version === '*' || versions.includes(version)) return undefined;
  return `${path} never matches: ${resource} have no version "${quoted(version, 64)}" that is judged; write version: "*"`;
}
