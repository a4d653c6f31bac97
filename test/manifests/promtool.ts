/**
 * Prometheus' own tool for rules: the one on PATH, or that of Debian's package, of which nothing else is kept and nothing
 * installed. `npm run promtool` fetches it (19 MB, once) into the cache folder.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cacheFolder } from '../cluster/builds.ts';
import { isExecutable, onPath } from '../cluster/programs.ts';

const kept = join(cacheFolder, 'prometheus', 'promtool');
const fetchIt = 'npm run promtool fetches it';

export const promtool = findPromtool();

function findPromtool(): string | undefined {
  const found = onPath('promtool') ?? [kept].find(isExecutable);
  if (found !== undefined) return found;
  if (process.env['CI'] !== undefined && !import.meta.main) throw new Error(`promtool must be there: ${fetchIt}`);
  if (!import.meta.main) process.stderr.write(`manifests: SKIPPING TESTS OF RULES: there is no promtool; ${fetchIt}\n`);
  return undefined;
}

export interface Told {
  readonly isGood: boolean;
  readonly text: string;
}

/** Files by name, of which the first is checked, or the tests in it run. */
export function runPromtool(command: 'check' | 'test', files: Readonly<Record<string, unknown>>): Told {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-rules-'));
  try {
    // JSON is YAML.
    for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), JSON.stringify(content));
    const args = [command, 'rules', ...Object.keys(files).slice(0, 1)];
    const ran = spawnSync(promtool ?? '', args, { cwd: folder, encoding: 'utf8', timeout: 60_000 });
    return { isGood: ran.status === 0, text: ran.stdout + ran.stderr };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function fetchPromtool(): void {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-promtool-'));
  try {
    // As the owner of the folder: apt's own user may not write into it.
    const download = (): boolean =>
      run('apt-get', ['-q', '-o', 'APT::Sandbox::User=root', 'download', 'prometheus'], folder);
    if (!download()) {
      must(run('apt-get', ['-qq', 'update'], folder), 'apt-get update');
      must(download(), 'apt-get download prometheus');
    }
    const archive = readdirSync(folder).find((name) => name.endsWith('.deb')) ?? '';
    must(run('dpkg-deb', ['-x', archive, 'content'], folder), `dpkg-deb -x ${archive}`);
    mkdirSync(join(cacheFolder, 'prometheus'), { recursive: true });
    must(run('cp', ['content/usr/bin/promtool', `${kept}.new`], folder), 'cp');
    chmodSync(`${kept}.new`, 0o755);
    renameSync(`${kept}.new`, kept);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function run(program: string, args: readonly string[], cwd: string): boolean {
  return spawnSync(program, args, { cwd, stdio: ['ignore', 2, 2], timeout: 300_000 }).status === 0;
}

function must(worked: boolean, what: string): void {
  if (!worked) throw new Error(`${what} has failed; its output is above`);
}

if (import.meta.main && promtool === undefined) fetchPromtool();
