/**
 * Whether git-init may be given a git context. What is written there ends up in arguments of git and of ssh, both of which
 * take options, run helpers (`ext::`) and print addresses into logs: only the plain forms of addresses are taken.
 */
import { quoted } from '../kernel/failure.ts';
import type { GitSource } from './model.ts';
import { isObjectName } from './needed-config-maps.ts';
import { objectName } from './rules.ts';

const maxAddress = 2048;
const maxRef = 255;
const maxPathBytes = 4096;
const maxDepth = 2 ** 31 - 1;

const host = String.raw`(?:[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])`;
const user = '[A-Za-z0-9_][A-Za-z0-9._-]*';
const path = '[A-Za-z0-9._~/+@:%,=!-]';
const overHttp = new RegExp(String.raw`^https?://${host}(?::\d{1,5})?/${path}+$`, 'i');
const overSsh = new RegExp(String.raw`^ssh://(?:${user}@)?${host}(?::\d{1,5})?/${path}+$`, 'i');
const likeScp = new RegExp(`^${user}@${host}:${path}+$`);
const forms = 'write https://host/path, http://host/path, ssh://git@host/path or git@host:path';

/** The rest of a sentence: the field, what is wrong with it, the way out. Addresses are not repeated: logs are no place for a password. */
export function gitProblem(git: GitSource): string | undefined {
  return repositoryProblem(git.repository) ?? refProblem(git.ref) ?? pathProblem(git.path) ?? numbersProblem(git);
}

function repositoryProblem(repository: string): string | undefined {
  if (repository === '') return `git.repository is missing; ${forms}`;
  if (repository.length > maxAddress) return `git.repository is longer than ${maxAddress} characters; shorten it`;
  if (/^https?:\/\/[^/]*@/i.test(repository) || /^ssh:\/\/[^/]*:[^/@]*@/i.test(repository)) {
    return 'git.repository has credentials in it; put them into a Secret and name that in git.secretRef';
  }
  if (![overHttp, overSsh, likeScp].some((form) => form.test(repository))) {
    return `git.repository is no address that can be cloned from; ${forms}`;
  }
  // "-oProxyCommand=…" as a path or in it; %00 to %1f and %7f.
  if (/[/:@]-/.test(repository)) return 'git.repository has a name in it that begins with "-"; rename it';
  return /%(?:[01][0-9a-f]|7f)/i.test(repository)
    ? 'git.repository has control characters in it; leave them out'
    : undefined;
}

/** git check-ref-format(1), for branches, tags, full names and commits. */
function refProblem(ref: string): string | undefined {
  const isForm =
    /^[^\s\p{Cc}\p{Cf}\p{Cs}~^:?*[\\]+$/u.test(ref) && !/\.\.|@\{|\/\/|(?:^|\/)\.|\.lock(?:\/|$)/.test(ref);
  const hasEnds = !/^[-/]|[./]$|^@$/.test(ref);
  if (isForm && hasEnds && ref.length <= maxRef) return undefined;
  return `git.ref is "${quoted(ref, 80)}"; write a branch, a tag or a commit of at most ${maxRef} characters that does not begin with "-"`;
}

/** It becomes the subPath of a mount. */
/** A slash at its start is the repository's root. */
function pathProblem(path: string | undefined): string | undefined {
  if (path === undefined) return undefined;
  const isPlain = !/[\p{Cc}\p{Cs}]/u.test(path) && Buffer.byteLength(path) <= maxPathBytes;
  const isInside = !/^\/*-/.test(path) && !path.split('/').includes('..');
  if (isPlain && isInside) return undefined;
  return `git.path is "${quoted(path, 80)}"; write a path inside the repository, without "-" at its start and without ".."`;
}

function numbersProblem({ depth, secretRef }: GitSource): string | undefined {
  if (!Number.isInteger(depth) || depth < 0 || depth > maxDepth) {
    return 'git.depth is no number of commits; write 1 or more, or 0 for all of them';
  }
  return secretRef === undefined ? undefined : secretProblem('git', secretRef);
}

export function secretProblem(field: 'git' | 'url', name: string): string | undefined {
  if (isObjectName(name)) return undefined;
  return `${field}.secretRef.name is "${quoted(name, 80)}"; write ${objectName.expected}`;
}
