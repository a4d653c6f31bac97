/**
 * git-init: clones a repository into a volume, as the agent may then use and change it. The address and the ref are what
 * somebody wrote into a Task, the content is whoever's: git is run so that neither can make it do anything else.
 */
import { mkdir, readdir, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { quoted } from '../../kernel/failure.ts';
import { fail, ok } from '../../kernel/result.ts';
import { ownAuthorities } from '../authorities.ts';
import type { InitCommand, InitResult, Surroundings } from '../command.ts';
import { redactor } from '../redact.ts';
import { isInside, isMissing } from '../volume-files.ts';
import { clone, type CloneFailure } from './clone.ts';
import { copyIntoWorkspace } from './copy-into-workspace.ts';
import { gitEnvironment } from './git-environment.ts';
import { gitProgram, type Git } from './git-program.ts';
import { readGitSettings, type GitSettings } from './git-settings.ts';
import { writePrivateFiles, type PrivateFiles } from './private-files.ts';

/** In GIT_ROOT; what is in it is not finished. */
const unfinished = '.git-init-clone';

export const gitInit: InitCommand = async (around) => {
  const read = await readGitSettings(around.env);
  if (!read.ok) return read;
  const settings = read.value;
  const authorities = await ownAuthorities(around);
  if (!authorities.ok) return authorities;
  const { login, sshKey } = settings;
  const hide = redactor([login?.password, tokenIn(login), sshKey, basic(login)]);
  const say = (line: string): void => around.say(hide(line));
  announce(settings, say);
  await mkdir(settings.root, { recursive: true });
  // The agent's GIT_CONFIG_GLOBAL is this file; a mount of one that is not there would be a folder.
  await writeFile(join(settings.root, '.gitconfig'), sharedConfig(settings.target), { mode: 0o644 });
  const files = await writePrivateFiles(settings, authorities.value);
  try {
    const done = await withDeadline(settings, around.signal, (signal) =>
      work({ ...around, say, signal }, settings, files),
    );
    return done.ok ? done : fail(hide(done.failure));
  } finally {
    await files.remove();
    await rm(join(settings.root, unfinished), { recursive: true, force: true });
  }
};

function announce({ git, target, login, sshKey, knownHosts }: GitSettings, say: (line: string) => void): void {
  const isSsh = !/^https?:/i.test(git.repository);
  say('git-init: Cloning repository...');
  say(`  Repository: ${quoted(git.repository, 2_048)}`);
  say(`  Ref: ${quoted(git.ref)}`);
  say(`  Depth: ${git.depth}`);
  say(`  Target: ${quoted(target)}`);
  if (git.recurseSubmodules) say('  Submodules: recursive');
  if (/^http:/i.test(git.repository)) say('git-init: WARNING: Using insecure HTTP protocol');
  if (!isSsh && login !== undefined) say('git-init: Configuring HTTPS authentication...');
  if (isSsh && sshKey !== undefined) say('git-init: Configuring SSH authentication...');
  if (isSsh && knownHosts === undefined) {
    say(
      'git-init: WARNING: the host key is not verified: there is no GIT_SSH_KNOWN_HOSTS (key ssh-known-hosts of the Secret)',
    );
  }
}

/** Names are no secrets, but some forges take a token in their place. */
function tokenIn(login: GitSettings['login']): string | undefined {
  return login !== undefined && login.username.length >= 16 ? login.username : undefined;
}

function basic(login: GitSettings['login']): string | undefined {
  return login === undefined ? undefined : Buffer.from(`${login.username}:${login.password}`).toString('base64');
}

const sharedConfig = (target: string): string => `[safe]\n\tdirectory = "${target}"\n\tdirectory = *\n`;

async function withDeadline(
  { timeoutMillis }: GitSettings,
  stopped: AbortSignal,
  task: (signal: AbortSignal) => Promise<InitResult>,
): Promise<InitResult> {
  const deadline = AbortSignal.timeout(timeoutMillis);
  try {
    return await task(AbortSignal.any([stopped, deadline]));
  } catch (error) {
    if (stopped.aborted) return fail('it was stopped');
    if (deadline.aborted) return fail(`it took longer than ${timeoutMillis / 1_000} s (GIT_CLONE_TIMEOUT)`);
    if (isWithoutGit(error)) return fail('this image has no git; name the one that was built with --target system');
    throw error;
  }
}

/** The gate's image has the other two commands as well. */
function isWithoutGit(error: unknown): boolean {
  return (
    error instanceof Error && 'code' in error && error.code === 'ENOENT' && 'path' in error && error.path === 'git'
  );
}

async function work(around: Surroundings, settings: GitSettings, files: PrivateFiles): Promise<InitResult> {
  const { say, signal, env } = around;
  const { target, root } = settings;
  const git = gitProgram({ env: gitEnvironment(env, settings, files), cwd: root, signal, say });
  if (await isThere(join(target, '.git'))) {
    say(`git-init: Repository already exists at ${quoted(target)}, skipping clone`);
  } else {
    const cloned = await cloneWithPatience(around, settings, { git, files });
    if (!cloned.ok) return cloned;
    say('git-init: Clone successful!');
  }
  await tellCommit(git, target, say);
  return hand(around, settings);
}

interface Tools {
  readonly git: Git;
  readonly files: PrivateFiles;
}

async function cloneWithPatience(
  { say, signal }: Surroundings,
  settings: GitSettings,
  tools: Tools,
): Promise<InitResult> {
  const { git: source, attempts, delayMillis } = settings;
  for (let attempt = 1; ; attempt += 1) {
    const failed = await cloneOnce(settings, tools);
    if (failed === undefined) return ok(undefined);
    if (failed.lasting || attempt === attempts) {
      const often = attempt === 1 ? '' : ` after ${attempt} attempts`;
      return fail(`git clone of ${quoted(source.repository, 2_048)} failed${often}: ${failed.message}`);
    }
    say(`git-init: Clone attempt ${attempt}/${attempts} failed: ${failed.message}`);
    say(`git-init: Retry attempt ${attempt + 1}/${attempts} (waiting ${delayMillis / 1_000}s)...`);
    await sleep(delayMillis, undefined, { signal });
  }
}

/** The clone gets its name when it is whole: a container that is started again finds all of it, or nothing. */
async function cloneOnce(
  { git: source, root, target }: GitSettings,
  { git, files }: Tools,
): Promise<CloneFailure | undefined> {
  const folder = join(root, unfinished);
  await rm(folder, { recursive: true, force: true });
  await files.refresh();
  const cloned = await clone({ git, source, folder });
  if (!cloned.ok) return cloned.failure;
  if (await hasContent(target)) return { message: `${target} holds something else already`, lasting: true };
  await rename(folder, target);
  return undefined;
}

async function tellCommit(git: Git, target: string, say: (line: string) => void): Promise<void> {
  const commit = await git('-C', target, 'rev-parse', '--verify', '--quiet', 'HEAD');
  if (commit.code === 0) say(`  Commit: ${quoted(commit.output, 80)}`);
  const branch = await git('-C', target, 'symbolic-ref', '--quiet', '--short', 'HEAD');
  if (branch.code === 0) say(`  Branch: ${quoted(branch.output, 255)}`);
}

/** What the context names must be there: a mount of a path that is not would be an empty folder. */
async function hand({ say, signal }: Surroundings, settings: GitSettings): Promise<InitResult> {
  const { git, target, workspaceDir } = settings;
  const source = await folderInside(target, git.path ?? '');
  if (source === undefined)
    return fail(`there is no ${quoted(git.path ?? '')} in the repository at ${quoted(git.ref, 80)}`);
  if (workspaceDir === undefined) return ok(undefined);
  if (!(await stat(source)).isDirectory()) {
    return fail(`${quoted(git.path ?? '')} is a file of the repository; name a folder to be copied into the workspace`);
  }
  say(`git-init: Merging repository content into workspace ${quoted(workspaceDir)}...`);
  await mkdir(workspaceDir, { recursive: true });
  const { copied, kept } = await copyIntoWorkspace(source, await realpath(workspaceDir), signal);
  say(`git-init: Copied ${copied} files into the workspace; ${kept} were there already and stay as they are`);
  return ok(undefined);
}

/** Undefined: it is not there, or leads out of the repository by a link. */
async function folderInside(target: string, path: string): Promise<string | undefined> {
  try {
    const real = await realpath(join(target, path));
    return isInside(real, await realpath(target)) ? real : undefined;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

async function isThere(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}

/** kubelet makes an empty folder where it is to mount one. */
async function hasContent(folder: string): Promise<boolean> {
  return (await readdir(folder).catch(() => [])).length > 0;
}
