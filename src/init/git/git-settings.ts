/** What git-init is told, checked by the same rules as the Git context that it comes from. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gitProblem } from '../../agents/git-address.ts';
import type { GitSource } from '../../agents/model.ts';
import { defined } from '../../kernel/defined.ts';
import { quoted } from '../../kernel/failure.ts';
import { fail, ok } from '../../kernel/result.ts';
import type { InitResult, Surroundings } from '../command.ts';
import { durationOf, isOn, secretOf, textOf, wholeNumberOf } from '../settings.ts';
import { isMissing, pathProblem } from '../volume-files.ts';

export interface GitSettings {
  readonly git: GitSource;
  /** Folder in a volume, and what the clone is called in it. */
  readonly root: string;
  readonly target: string;
  readonly login?: { readonly username: string; readonly password: string };
  readonly sshKey?: string;
  readonly knownHosts?: string;
  /** The content of the repository is copied to here as well. */
  readonly workspaceDir?: string;
  readonly attempts: number;
  readonly delayMillis: number;
  readonly timeoutMillis: number;
}

type Environment = Surroundings['env'];

const day = 86_400_000;

export async function readGitSettings(env: Environment): Promise<InitResult<GitSettings>> {
  const git = readSource(env);
  if (!git.ok) return git;
  const places = readPlaces(env);
  if (!places.ok) return places;
  const patience = readPatience(env);
  if (!patience.ok) return patience;
  const sshKey = await readSshKey(secretOf(env, 'GIT_SSH_KEY'));
  if (!sshKey.ok) return sshKey;
  const [username, password] = [secretOf(env, 'GIT_USERNAME'), secretOf(env, 'GIT_PASSWORD')];
  return ok({
    git: git.value,
    ...places.value,
    ...patience.value,
    ...defined('sshKey', sshKey.value),
    ...defined('knownHosts', secretOf(env, 'GIT_SSH_KNOWN_HOSTS')),
    ...(username === undefined || password === undefined ? {} : { login: { username, password } }),
  });
}

function readSource(env: Environment): InitResult<GitSource> {
  const repository = textOf(env, 'GIT_REPO');
  if (repository === undefined) return fail('GIT_REPO environment variable is required');
  const depth = wholeNumberOf(env, 'GIT_DEPTH', { fallback: 1, min: 0, max: 2 ** 31 - 1 });
  if (!depth.ok) return depth;
  const git: GitSource = {
    repository,
    ref: textOf(env, 'GIT_REF') ?? 'HEAD',
    depth: depth.value,
    recurseSubmodules: isOn(env, 'GIT_RECURSE_SUBMODULES'),
    ...defined('path', textOf(env, 'GIT_REPO_SUBPATH')),
  };
  const problem = gitProblem(git);
  return problem === undefined ? ok(git) : fail(`the Git context cannot be used: ${problem}`);
}

function readPlaces(env: Environment): InitResult<Pick<GitSettings, 'root' | 'target' | 'workspaceDir'>> {
  const root = textOf(env, 'GIT_ROOT') ?? '/git';
  const link = textOf(env, 'GIT_LINK') ?? 'repo';
  const workspaceDir = textOf(env, 'GIT_WORKSPACE_DIR');
  const problem = pathProblem(root) ?? (workspaceDir === undefined ? undefined : pathProblem(workspaceDir));
  if (problem !== undefined) return fail(`GIT_ROOT or GIT_WORKSPACE_DIR: ${problem}`);
  if (!/^[A-Za-z0-9_][A-Za-z0-9._-]{0,254}$/.test(link))
    return fail(`GIT_LINK is "${quoted(link, 80)}"; it must be a name`);
  return ok({ root, target: join(root, link), ...defined('workspaceDir', workspaceDir) });
}

function readPatience(env: Environment): InitResult<Pick<GitSettings, 'attempts' | 'delayMillis' | 'timeoutMillis'>> {
  const attempts = wholeNumberOf(env, 'GIT_CLONE_RETRIES', { fallback: 3, min: 1, max: 100 });
  if (!attempts.ok) return attempts;
  const delays = ['GIT_CLONE_RETRY_DELAY', 'GIT_CLONE_DELAY'];
  const delay = durationOf(env, delays, { fallback: 5_000, min: 0, max: day / 24 });
  if (!delay.ok) return delay;
  const timeout = durationOf(env, ['GIT_CLONE_TIMEOUT'], { fallback: day / 48, min: 1, max: day });
  if (!timeout.ok) return timeout;
  return ok({ attempts: attempts.value, delayMillis: delay.value, timeoutMillis: timeout.value });
}

/** The key itself, or the file that it is in. */
async function readSshKey(text: string | undefined): Promise<InitResult<string | undefined>> {
  if (text?.startsWith('/') !== true || text.includes('\n')) return ok(text);
  try {
    return ok(await readFile(text, 'utf8'));
  } catch (error) {
    if (isMissing(error)) return fail('GIT_SSH_KEY names a file that is not there');
    throw error;
  }
}
