/** Brings a branch, a tag or a commit of a repository into a new folder. */
import { fail, ok, type Result } from '../../kernel/result.ts';
import { quoted } from '../../kernel/failure.ts';
import type { GitSource } from '../../agents/model.ts';
import type { Git } from './git-program.ts';

/** `lasting`: trying again would not help. */
export interface CloneFailure {
  readonly message: string;
  readonly lasting: boolean;
}

type Cloned = Result<undefined, CloneFailure>;

interface Clone {
  readonly git: Git;
  readonly source: GitSource;
  readonly folder: string;
}

/** git-ls-remote(1) --exit-code */
const nothingMatches = 2;

export async function clone(work: Clone): Promise<Cloned> {
  const { git, source, folder } = work;
  const cloned = await cloneRef(work);
  if (!cloned.ok || !source.recurseSubmodules) return cloned;
  const { code } = await git('-C', folder, 'submodule', 'update', '--init', '--recursive', '--quiet');
  return code === 0 ? cloned : tryAgain('its submodules cannot be fetched');
}

async function cloneRef(work: Clone): Promise<Cloned> {
  const { ref } = work.source;
  if (isCommit(ref) || ref.startsWith('refs/')) return fetchByName(work);
  const { code } = await runClone(work, ref === 'HEAD' ? [] : [`--branch=${ref}`]);
  if (code === 0) return ok(undefined);
  if (ref === 'HEAD') return tryAgain('it cannot be cloned');
  return whyNot(work);
}

/** All of a commit's name, in SHA-1 or SHA-256. */
const isCommit = (ref: string): boolean => /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/i.test(ref);
const mayAbbreviateCommit = (ref: string): boolean => /^[0-9a-f]{7,63}$/i.test(ref);

/** Nothing is copied from a template: hooks would come from there. */
async function runClone({ git, source, folder }: Clone, options: readonly string[]): ReturnType<Git> {
  const shallow = source.depth === 0 ? [] : [`--depth=${source.depth}`, '--single-branch'];
  return git('clone', '--quiet', '--template=', ...shallow, ...options, '--', source.repository, folder);
}

/** Whether there is no such ref, or it was something else that went wrong. */
async function whyNot(work: Clone): Promise<Cloned> {
  const { git, source } = work;
  const names = [`refs/heads/${source.ref}`, `refs/tags/${source.ref}`];
  const { code } = await git('ls-remote', '--exit-code', '--quiet', '--', source.repository, ...names);
  if (code !== nothingMatches) return tryAgain('it cannot be cloned');
  if (!mayAbbreviateCommit(source.ref)) return missing(source.ref, 'branch or tag');
  const { code: whole } = await runClone({ ...work, source: { ...source, depth: 0 } }, ['--no-checkout']);
  return whole === 0 ? checkOut(work, source.ref) : tryAgain('it cannot be cloned');
}

/** A commit, or a ref by its full name (`refs/pull/1/head`). */
async function fetchByName(work: Clone): Promise<Cloned> {
  const { git, source, folder } = work;
  const prepared = await git('init', '--quiet', '--template=', '--', folder);
  const added = await git('-C', folder, 'remote', 'add', 'origin', source.repository);
  if (prepared.code !== 0 || added.code !== 0) return tryAgain('a folder for it cannot be made');
  const fetch = ['-C', folder, 'fetch', '--quiet'] as const;
  if (source.depth > 0 || !isCommit(source.ref)) {
    const depth = source.depth > 0 ? [`--depth=${source.depth}`] : [];
    const { code } = await git(...fetch, ...depth, 'origin', source.ref);
    if (code === 0) return checkOut(work, 'FETCH_HEAD');
    if (!isCommit(source.ref)) return tryAgain(`${quoted(source.ref, 80)} cannot be fetched`);
  }
  // Not every server gives away commits by name: everything is fetched, and the commit looked for in that.
  const { code } = await git(...fetch, '--tags', 'origin', '+refs/heads/*:refs/remotes/origin/*');
  return code === 0 ? checkOut(work, source.ref) : tryAgain('it cannot be fetched');
}

async function checkOut({ git, source, folder }: Clone, name: string): Promise<Cloned> {
  const found = await git('-C', folder, 'rev-parse', '--verify', '--quiet', '--end-of-options', `${name}^{commit}`);
  if (found.code !== 0) return missing(source.ref, 'commit');
  const { code } = await git('-C', folder, 'checkout', '--quiet', '--detach', found.output);
  return code === 0 ? ok(undefined) : tryAgain(`${quoted(source.ref, 80)} cannot be checked out`);
}

const missing = (ref: string, what: string): Cloned =>
  fail({ message: `it has no ${what} ${quoted(ref, 80)}`, lasting: true });
const tryAgain = (message: string): Cloned => fail({ message, lasting: false });
