/** From all ActionPolicies to what holds for one image: restrictions add up, and nothing takes one away but an exception. */
import type { Digest } from '../kernel/digest.ts';
import { exactNames, globMatchesImage, type Glob } from '../kernel/glob.ts';
import { repositoryName, type ImageReference } from '../kernel/image-reference.ts';
import { memoize } from '../kernel/memoize.ts';
import type { ActionException, ActionPolicy, ActionRules } from './action-policy.ts';
import { candidates } from './candidates.ts';

export interface ActionPlace {
  /** By its digest: under a tag alone nobody can say what it is. */
  readonly image: ImageReference & { readonly digest: Digest };
  readonly namespace: string;
  readonly now: Date;
}

/** Undefined when no policy has a say. */
export function actionRules(policies: readonly ActionPolicy[], place: ActionPlace): ActionRules | undefined {
  const applicable = matching(policies, place.image).filter((policy) => !isTakenBack(policy, place));
  if (applicable.length === 0) return undefined;
  const some = (test: (policy: ActionPolicy) => boolean): boolean => applicable.some(test);
  const lists = (of: (policy: ActionPolicy) => readonly Glob[] | undefined): readonly (readonly Glob[])[] =>
    applicable.flatMap((policy) => {
      const list = of(policy);
      return list === undefined ? [] : [list];
    });
  return {
    policies: applicable.map(({ name }) => name).sort(),
    mode: strictest(['enforce', 'warn', 'audit'], (mode) => some((policy) => policy.mode === mode)),
    namespaces: lists((policy) => policy.namespaces),
    targets: lists((policy) => policy.targets),
    contract: {
      required: some((policy) => policy.contract.required),
      onConflict: some((policy) => policy.contract.onConflict === 'Deny') ? 'Deny' : 'Override',
    },
    digests: {
      require: some((policy) => policy.digests.require),
      // What is rewritten is what was judged; what is left as a tag may be something else by the time that it runs.
      resolve: strictest(['All', 'PodsOnly', 'Never'], (wanted) => some(({ digests }) => digests.resolve === wanted)),
    },
    podSecurity: strictest(['restricted', 'baseline', 'privileged'], (level) => some((p) => p.podSecurity === level)),
    serviceAccounts: {
      from: some((policy) => policy.serviceAccounts.from === 'Contract') ? 'Contract' : 'Workload',
      allow: lists((policy) => policy.serviceAccounts.allow),
    },
  };
}

/** The first that some policy asks for. */
function strictest<T>(order: readonly [T, ...T[]], isAsked: (value: T) => boolean): T {
  return order.find(isAsked) ?? order[0];
}

type ByNames = (names: string, image: ImageReference) => readonly ActionPolicy[];

/** Globs are the dear part, and the same images come again and again: remembered per snapshot. */
const known = new WeakMap<readonly ActionPolicy[], ByNames>();
const maxNames = 4_096;

function matching(policies: readonly ActionPolicy[], image: ImageReference): readonly ActionPolicy[] {
  const byNames = known.get(policies) ?? memoize(maxNames, (_names, of: ImageReference) => matchingImage(policies, of));
  known.set(policies, byNames);
  return byNames(exactNames(image).join(' '), image);
}

function matchingImage(policies: readonly ActionPolicy[], image: ImageReference): readonly ActionPolicy[] {
  return candidates(policies, image).filter(({ images }) => images.some((glob) => globMatchesImage(glob, image)));
}

function isTakenBack({ exceptions }: ActionPolicy, place: ActionPlace): boolean {
  return exceptions.some((exception) => isExcepted(exception, place));
}

/** An exception permits, so it goes by the digest alone: the tag beside it is whatever the workload wrote. */
function isExcepted({ images, namespaces, expires }: ActionException, { image, namespace, now }: ActionPlace): boolean {
  const name = `${repositoryName(image)}@${image.digest}`;
  return (
    now.getTime() < expires.getTime() &&
    images.some((glob) => glob.matches(name)) &&
    (namespaces === undefined || namespaces.some((glob) => glob.matches(namespace)))
  );
}
