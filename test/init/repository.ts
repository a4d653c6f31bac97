/** A bare repository as people have them: branches, a tag, folders, links, a submodule if asked for. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

export interface Repository {
  /** The first commit on main, the tag v1. */
  readonly first: string;
  /** The next one, at which no branch and no tag ends. */
  readonly second: string;
  /** The last one on main. */
  readonly last: string;
  /** The only one on branch feature. */
  readonly feature: string;
}

export interface Submodule {
  readonly url: string;
  readonly commit: string;
}

/** `folder/name.git`. The submodule, if any, is called part. */
export function makeRepository(folder: string, name: string, submodule?: Submodule): Repository {
  const work = join(folder, `${name}-work`);
  const bare = join(folder, `${name}.git`);
  mkdirSync(work, { recursive: true });
  git(work, 'init', '--quiet', '--initial-branch=main');
  const first = commit(work, { 'README.md': 'first\n', 'docs/guide.md': 'guide\n', 'task.md': 'of the repository\n' });
  git(work, 'tag', 'v1');
  const second = commit(work, { 'README.md': 'second\n' });
  symlinkSync('docs/guide.md', join(work, 'inside'));
  symlinkSync('/etc', join(work, 'outside'));
  if (submodule !== undefined) addSubmodule(work, submodule);
  const last = commit(work, { 'README.md': 'last\n', 'run.sh': '#!/bin/sh\n' });
  git(work, 'checkout', '--quiet', '-b', 'feature', first);
  const feature = commit(work, { 'feature.md': 'feature\n' });
  git(work, 'checkout', '--quiet', 'main');
  git(folder, 'clone', '--quiet', '--bare', work, bare);
  git(bare, 'update-ref', 'refs/pull/7/head', feature);
  rmSync(work, { recursive: true });
  return { first, second, last, feature };
}

/** Without a clone of it: its server may be in this very process. */
function addSubmodule(work: string, { url, commit: sha }: Submodule): void {
  writeFileSync(join(work, '.gitmodules'), `[submodule "part"]\n\tpath = part\n\turl = ${JSON.stringify(url)}\n`);
  mkdirSync(join(work, 'part'));
  git(work, 'update-index', '--add', '--cacheinfo', `160000,${sha},part`);
}

function commit(work: string, files: Readonly<Record<string, string>>): string {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(work, path)), { recursive: true });
    writeFileSync(join(work, path), content, { mode: path.endsWith('.sh') ? 0o755 : 0o644 });
  }
  git(work, 'add', '--all');
  git(work, '-c', 'user.name=test', '-c', 'user.email=test@test', 'commit', '--quiet', '--message=Change');
  return git(work, 'rev-parse', 'HEAD');
}

export function git(folder: string, ...args: readonly string[]): string {
  const env = {
    ...process.env,
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_ALLOW_PROTOCOL: 'file',
  };
  const { status, stdout, stderr } = spawnSync('git', args, { cwd: folder, encoding: 'utf8', timeout: 20_000, env });
  if (status !== 0) throw new Error(`git ${args.join(' ')}: ${stderr}`);
  return stdout.trimEnd();
}
