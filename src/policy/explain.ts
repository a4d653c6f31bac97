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
  if (/[A-Z]/.test(certainName(source))) {
    return 'never matches: registries and repositories are named in lower case, whatever the organisation is called';
  }
  const hub = nameOnDockerHub(source);
  if (hub === undefined) return endNote(source);
  const write = endNote(hub) === undefined ? hub : `${hub}@*`;
  return `never matches: names begin with their registry, Docker Hub's is index.docker.io; write ${write}`;
}

/** The part that can only be registry and repository: before a star, which may stand for more, and before a tag. */
function certainName(source: string): string {
  const [head = ''] = source.split('*', 1);
  return head.replace(/[:@][^/]*$/, '');
}

/** What a glob without registry, or with docker.io for one, is meant to be. */
function nameOnDockerHub(source: string): string | undefined {
  const isAlias = source.startsWith('docker.io/');
  if (!isAlias && mayNameRegistry(source)) return undefined;
  const path = isAlias ? source.slice('docker.io/'.length) : source;
  return `index.docker.io/${path.includes('/') || path === '**' ? '' : 'library/'}${path}`;
}

function mayNameRegistry(source: string): boolean {
  const [first = '', ...rest] = source.split('/');
  return rest.length === 0 ? first.includes('**') : /[*.:]|^localhost$/.test(first);
}

function endNote(source: string): string | undefined {
  const last = source.slice(source.lastIndexOf('/') + 1);
  if (/:[^*@]*@/.test(last))
    return 'never matches: an image is looked for by its tag or by its digest, not by both at once';
  if (last.includes('*') || /@sha256:[0-9a-f]{64}$/.test(last) || /^[^@]*:[^@]+$/.test(last)) return undefined;
  if (last.includes('@'))
    return 'never matches: what follows "@" is not "sha256:" and 64 lower-case hexadecimal digits';
  return `never matches: names end with a tag or digest; write ${source}@* for this repository alone`;
}
