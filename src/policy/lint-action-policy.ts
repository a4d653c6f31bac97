/** What an ActionPolicy allows but probably does not mean. Warnings never change a verdict. */
import type { ActionException, ActionPolicy } from './action-policy.ts';
import { lintGlob } from './lint.ts';

export function lintActionPolicy(policy: ActionPolicy, now: Date): readonly string[] {
  return [
    ...policy.images.flatMap(({ source }, index) => lintImages(source, `spec.images[${index}].glob`, policy)),
    ...lintParts(policy),
    ...policy.exceptions.flatMap((exception, index) => lintException(exception, `spec.exceptions[${index}]`, now)),
  ];
}

function lintImages(source: string, path: string, { contract }: ActionPolicy): readonly string[] {
  if (source !== '**') return lintGlob(source, path);
  const consequence = contract.required
    ? 'and each of them needs a contract: sidecars of other systems too'
    : 'actions or not';
  return [`${path} "**" is every image of every registry, ${consequence}`];
}

function lintParts({
  podSecurity,
  digests,
  contract,
  targets,
  namespaces,
  serviceAccounts,
}: ActionPolicy): readonly string[] {
  const lists = {
    'spec.namespaces': namespaces,
    'spec.targets': targets,
    'spec.serviceAccounts': serviceAccounts.allow,
  };
  const parts: readonly (readonly [isOdd: boolean, sentence: string])[] = [
    [
      podSecurity === 'privileged',
      'spec.podSecurity: privileged is no floor; contracts alone say what a container may do',
    ],
    [
      !digests.require && digests.resolve !== 'All',
      `spec.digests: with resolve ${digests.resolve} and without require, a tag may name another image than the one that was judged by the time that it runs`,
    ],
    [
      digests.require && digests.resolve === 'Never',
      'spec.digests: with resolve Never and require, every image that is written with a tag is refused',
    ],
    [
      !contract.required && targets !== undefined,
      'spec.contract.required: of an image without contract nobody knows which inputs name a target, so spec.targets does not hold it',
    ],
  ];
  return [
    ...Object.entries(lists).flatMap(([path, list]) =>
      list?.length === 0 ? [`${path}.allow: an empty list allows nothing`] : [],
    ),
    ...parts.flatMap(([isOdd, sentence]) => (isOdd ? [sentence] : [])),
  ];
}

function lintException({ images, expires }: ActionException, path: string, now: Date): readonly string[] {
  const expired = expires.getTime() <= now.getTime();
  return [
    ...(expired
      ? [`${path}.expires: it no longer counts since ${expires.toISOString()}; take it out or renew it`]
      : []),
    ...images.flatMap(({ source }, index) => {
      const glob = `${path}.images[${index}] "${source}"`;
      if (source === '**') return [`${glob} takes the policy away from every image`];
      const isByTag = !source.includes('@') && source.slice(source.lastIndexOf('/') + 1).includes(':');
      return isByTag
        ? [`${glob} never matches: exceptions go by the digest, since anybody may write a tag; write …@*`]
        : [];
    }),
  ];
}
