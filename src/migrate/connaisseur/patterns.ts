/**
 * Patterns of Connaisseur's image policy: of all that match an image the most specific one decides, and an image that none
 * matches is refused. internal/config/config.go (matching), internal/policy/match.go (which is more specific)
 */
import { widened, type Translated } from '../globs.ts';

/**
 * Connaisseur puts a star before and after a pattern, and compares with registry/repository[:tag][@digest] in one. Here a glob
 * is compared with registry/repository:tag and with registry/repository@digest. Where the two could differ, the glob is cut to
 * one that matches more, and is not exact.
 */
export function patternGlobs(pattern: string): Translated {
  const slash = pattern.lastIndexOf('/') + 1;
  const { text, isCut } = cut(pattern.slice(slash), slash > 0);
  const { globs, exact } = widened(`**${pattern.slice(0, slash)}${text}**`);
  return { globs: globs.map((glob) => glob.replaceAll(/\*+/g, '**')), exact: exact && !isCut };
}

/** The last component; before it there are slashes, which tags and digests do not have. */
function cut(last: string, isAnchored: boolean): { readonly text: string; readonly isCut: boolean } {
  const at = last.indexOf('@');
  // `:tag@digest` is in neither of the two names, nor is a tag's end with its digest.
  if (at >= 0) return { text: last.slice(0, at).replace(/\*.*$/s, '*'), isCut: true };
  const [prefix = '', ...others] = last.split('*');
  const chunks = (isAnchored ? others : [prefix, ...others]).filter((chunk) => chunk !== '');
  // One part in the tag and the other in the digest: neither name has both.
  const parted = chunks.length > 1 || (isAnchored && prefix.includes(':') && chunks.length > 0);
  if (parted) return { text: `${prefix}*`, isCut: true };
  // What is meant for names and tags could be a part of any digest.
  const isHex = chunks.some((chunk) => chunk !== ':' && /^[0-9a-fsh:]+$/.test(chunk));
  return { text: last, isCut: isHex };
}

function parts(pattern: string): readonly string[] {
  return pattern.split('/');
}

/** For every image that both match: its parts agree with as much of the image, and one of them is longer. */
export function isMoreSpecific(one: string, other: string): boolean {
  const [mine, others] = [parts(one), parts(other)];
  if (mine.length !== others.length) return mine.length > others.length;
  const pairs = mine.map((part, index) => [part, others[index] ?? ''] as const);
  const isNarrower = pairs.every(([part, wider]) => covered(part, wider) && part.length >= wider.length);
  // Of equal length, the order of the rules decides.
  return isNarrower && pairs.some(([part, wider]) => part.length > wider.length);
}

/** Whether all that `narrow` matches is matched by `wide`, a star covering a star. */
function covered(narrow: string, wide: string): boolean {
  return matches(wide, narrow);
}

function matches(pattern: string, text: string): boolean {
  let [at, star, from] = [0, -1, 0];
  let index = 0;
  while (index < text.length) {
    if (pattern[at] === '*') {
      star = at;
      from = index;
      at += 1;
    } else if (at < pattern.length && pattern[at] === text[index]) {
      at += 1;
      index += 1;
    } else if (star >= 0) {
      at = star + 1;
      from += 1;
      index = from;
    } else return false;
  }
  while (pattern[at] === '*') at += 1;
  return at === pattern.length;
}

/** Whether some name could be matched by both; true when in doubt. */
export function mayOverlap(one: string, other: string): boolean {
  return intersects(`*${one}*`, `*${other}*`);
}

const maxLength = 256;

/** Every state that two patterns can be in together. */
function intersects(one: string, other: string): boolean {
  if (one.length > maxLength || other.length > maxLength) return true;
  const width = other.length + 1;
  const seen = new Set<number>();
  const open: State[] = [[0, 0]];
  for (let state = open.pop(); state !== undefined; state = open.pop()) {
    const [a, b] = state;
    if (a === one.length && b === other.length) return true;
    if (seen.has(a * width + b)) continue;
    seen.add(a * width + b);
    open.push(...stepsFrom(state, one[a], other[b]));
  }
  return false;
}

type State = readonly [number, number];

/** A star stays for one character more of the other side, or ends. */
function stepsFrom([a, b]: State, left: string | undefined, right: string | undefined): readonly State[] {
  const isBoth = left !== undefined && right !== undefined && (left === right || isWild(left) || isWild(right));
  const states: State[] = isBoth ? [[a + 1, b + 1]] : [];
  if (left === '*') states.push([a + 1, b]);
  if (left === '*' && right !== undefined) states.push([a, b + 1]);
  if (right === '*') states.push([a, b + 1]);
  if (right === '*' && left !== undefined) states.push([a + 1, b]);
  return states;
}

function isWild(character: string): boolean {
  return /[?[\]{}\\]/.test(character);
}

/** Matches every image. */
export function isCatchAll(pattern: string): boolean {
  return /^\*+(?::\*+)?$/.test(pattern);
}
