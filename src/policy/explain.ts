/** Why a policy matches an image or not, and which globs can never match: for people who write policies. */
import { globMatchesImage, type Glob } from '../kernel/glob.ts';
import { defined } from '../kernel/defined.ts';
import type { ImageReference } from '../kernel/image-reference.ts';
import type { ClusterImagePolicy, PolicySnapshot } from './model.ts';

export interface ExplainedPolicy {
  readonly name: string;
  readonly kind: 'ClusterImagePolicy';
  readonly matches: boolean;
  readonly mode: 'enforce' | 'warn';
  readonly globs: readonly { readonly glob: string; readonly matches: boolean; readonly note?: string }[];
  /** The policy also looks at the kind of object. */
  readonly onlyFor?: readonly string[];
  readonly notReady?: readonly string[];
}

export function explain(snapshot: PolicySnapshot, image: ImageReference): readonly ExplainedPolicy[] {
  return snapshot.policies.map((policy) => explainPolicy(policy, image));
}

function explainPolicy(policy: ClusterImagePolicy, image: ImageReference): ExplainedPolicy {
  const globs = policy.images.map((glob) => {
    const matches = globMatchesImage(glob, image);
    return { glob: glob.source, matches, ...defined('note', matches ? undefined : globNote(glob)) };
  });
  const onlyFor = policy.match.map((rule) =>
    [rule.resource ?? '(no resource: nothing)', rule.group].filter((part) => part).join('.'),
  );
  return {
    name: policy.name,
    kind: 'ClusterImagePolicy',
    matches: globs.some(({ matches }) => matches),
    mode: policy.mode,
    globs,
    ...defined('onlyFor', onlyFor.length === 0 ? undefined : onlyFor),
    ...defined('notReady', policy.notReady.length === 0 ? undefined : policy.notReady),
  };
}

/** Names are matched in full, with registry, and with a tag or digest behind them. Undefined: the glob can match. */
export function globNote({ source }: Pick<Glob, 'source'>): string | undefined {
  if (source === '*' || source === '*/*') return undefined;
  const first = source.split('/', 1)[0] ?? '';
  if (first === 'docker.io') return `never matches: Docker Hub is index.docker.io here; write index.${source}`;
  if (!first.includes('*') && !/[.:]|^localhost$/.test(first)) {
    const path = source.includes('/') ? source : `library/${source}`;
    return `never matches: names begin with their registry; write index.docker.io/${path}`;
  }
  if (/[*]$/.test(source) || /@sha256:[0-9a-f]{64}$/.test(source) || /:[^/]+$/.test(source)) return undefined;
  return `never matches: names end with a tag or digest; write ${source}@* for this repository alone`;
}
