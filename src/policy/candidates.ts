/**
 * Of thousands of policies the few that may have a say about an image. It only leaves out: whether a candidate matches is
 * for its globs to say, and what is left out cannot match the image under any tag that it has or digest that it may get.
 */
import type { Glob } from '../kernel/glob.ts';
import { repositoryName, type ImageReference } from '../kernel/image-reference.ts';

interface HasImages {
  readonly images: readonly Glob[];
}

/** In the order of `policies`. */
export function candidates<P extends HasImages>(policies: readonly P[], image: ImageReference): readonly P[] {
  if (policies.length <= few) return policies;
  const index = indexes.get(policies) ?? indexOf(policies);
  indexes.set(policies, index);
  const base = repositoryName(image);
  const found = new Set<number>();
  collect(index, `${base}${beforeDigest}`, found);
  if (image.tag !== undefined) collect(index, `${base}:${image.tag}`, found);
  const places = [...found].sort((a, b) => a - b);
  return places.flatMap((place) => policies[place] ?? []);
}

/** So many are asked sooner than looked up. */
const few = 8;

const beforeDigest = '@sha256:';

interface Index {
  /** Places of policies by the text that every name begins with that one of their globs matches. */
  readonly places: ReadonlyMap<string, readonly number[]>;
  /** The different lengths of those texts. */
  readonly lengths: readonly number[];
}

/** Snapshots never change; their lists of policies are looked into again and again. */
const indexes = new WeakMap<readonly HasImages[], Index>();

function indexOf(policies: readonly HasImages[]): Index {
  const places = new Map<string, number[]>();
  for (const [place, { images }] of policies.entries()) {
    for (const head of new Set(images.map(headOf))) {
      const others = places.get(head);
      if (others === undefined) places.set(head, [place]);
      else others.push(place);
    }
  }
  return { places, lengths: [...new Set([...places.keys()].map(({ length }) => length))] };
}

/** What is literal at the beginning of a glob; of a digest nothing, so that any image of the repository finds it. */
function headOf({ source }: Glob): string {
  const [literal = ''] = source.split('*', 1);
  const at = literal.indexOf(beforeDigest);
  return at === -1 ? literal : literal.slice(0, at + beforeDigest.length);
}

function collect({ places, lengths }: Index, name: string, found: Set<number>): void {
  for (const length of lengths) {
    if (length > name.length) continue;
    for (const place of places.get(name.slice(0, length)) ?? []) found.add(place);
  }
}
