import { RE2JS } from 're2js';
import { quoted } from './failure.ts';
import { parseImageReference, repositoryName, type ImageReference } from './image-reference.ts';

/**
 * Image globs of ClusterImagePolicy: `*` stays within a path segment, `**` crosses segments, everything else is literal,
 * and the whole name must match. `:` and `@` are not separators.
 *
 * A policy matches an image under either of its two exact names: `registry/repo@sha256:…`, which is all that sigstore
 * policy-controller looks at, and `registry/repo:tag` when the workload wrote a tag. The pinned image keeps its tag, so
 * the answer is the same before and after pinning.
 */
export interface Glob {
  readonly source: string;
  readonly matches: (name: string) => boolean;
}

const allowed = /^[a-zA-Z0-9\-_:/*.@]+$/;
const limit = 1024;

export function compileGlob(source: string): { ok: true; value: Glob } | { ok: false; problem: string } {
  if (!isPattern(source)) return { ok: false, problem: 'syntax error in pattern' };
  if (source.length > limit || !allowed.test(source)) return { ok: false, problem: `invalid glob ${inQuotes(source)}` };
  let compiled: RE2JS | undefined;
  // Of thousands of globs few are ever asked, and a compiled one is a hundred times as large as its text.
  const matches = (name: string): boolean => {
    compiled ??= RE2JS.compile(`^${expression(expand(source))}$`);
    return compiled.matches(name);
  };
  return { ok: true, value: { source, matches } };
}

/** As Go writes a text in quotes. */
function inQuotes(text: string): string {
  return `"${quoted(text.replaceAll(/[\\"]/g, (character) => `\\${character}`))}"`;
}

/**
 * Whether Go's filepath.Match could read it. Brackets and backslashes are no part of a glob either way; policy-controller
 * says of the broken ones that they are, and so does this.
 */
function isPattern(source: string): boolean {
  // A class holds at least one character or range; "-" and "]" in it are escaped.
  const character = String.raw`(?:\\[^]|[^\\\]-])`;
  const part = String.raw`\[(?:\^|(?!\^))(?:${character}(?:-${character})?)+\]|\\[^]|[^\\[]`;
  return new RegExp(`^(?:${part})*$`).test(source.slice(0, limit));
}

/** Only these two literals get Docker Hub's defaults; `nginx*` does not. */
function expand(source: string): string {
  if (source === '*') return 'index.docker.io/library/*';
  if (source === '*/*') return 'index.docker.io/*/*';
  return source;
}

function expression(source: string): string {
  return source.replace(/\*\*|\*|[^*]+/g, (part) => {
    if (part === '**') return '.*';
    return part === '*' ? '[^/]*' : part.replaceAll('.', '\\.');
  });
}

/** The names under which an image is looked for, most exact first. */
export function exactNames(image: ImageReference): readonly string[] {
  const base = repositoryName(image);
  const names = image.digest === undefined ? [] : [`${base}@${image.digest}`];
  return image.tag === undefined ? names : [...names, `${base}:${image.tag}`];
}

export function globMatchesImage(glob: Glob, image: ImageReference): boolean {
  return exactNames(image).some((name) => glob.matches(name));
}

/**
 * policy-tester's matcher, which takes any image text: the fully qualified name first, then the text as written. The
 * second try never happens at admission, where names are always fully qualified.
 */
export function globMatchesText(glob: Glob, text: string): boolean | { problem: string } {
  const image = parseImageReference(text);
  if (!image.ok) return { problem: image.failure.message };
  return glob.matches(exactNames(image.value)[0] ?? '') || glob.matches(text);
}
