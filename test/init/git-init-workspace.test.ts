/** git-init that copies what it has cloned into the workspace itself. */
import {
  lstatSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { startForge } from './forge.ts';
import { git, makeRepository } from './repository.ts';
import { runInit, type Ended, type Environment } from './run-init.ts';
import type { WebServer } from './web-server.ts';

let folder: string;
let forge: WebServer;
let root: string;
let workspace: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'countersign-git-init-'));
  makeRepository(folder, 'whole');
  forge = await startForge(folder);
});
afterAll(async () => {
  await forge.close();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(() => {
  root = join(mkdtempSync(join(folder, 'root-')), 'git');
  workspace = mkdtempSync(join(folder, 'workspace-'));
});

const copied = (env: Environment = {}): Promise<Ended> =>
  runInit('git-init', { GIT_REPO: `${forge.origin}/whole.git`, GIT_ROOT: root, GIT_WORKSPACE_DIR: workspace, ...env });
const inWorkspace = (path: string): string => readFileSync(join(workspace, path), 'utf8');

test('copies everything, links as links', async () => {
  const { code, out } = await copied();
  expect({ code, out }).toEqual({
    code: 0,
    out: expect.stringContaining('files into the workspace; 0 were there already'),
  });
  expect(inWorkspace('README.md')).toBe('last\n');
  expect(inWorkspace('docs/guide.md')).toBe('guide\n');
  expect(readlinkSync(join(workspace, 'outside'))).toBe('/etc');
  expect(statSync(join(workspace, 'run.sh')).mode & 0o777).toBe(0o777);
  expect(statSync(join(workspace, 'docs')).mode & 0o777).toBe(0o777);
  expect(git(workspace, '-c', 'safe.directory=*', 'status', '--porcelain')).toBe('');
});

test('leaves what is there already', async () => {
  writeFileSync(join(workspace, 'task.md'), 'of the Task\n');
  const { code, out } = await copied();
  expect({ code, out }).toEqual({
    code: 0,
    out: expect.stringContaining('1 were there already and stay as they are'),
  });
  expect(inWorkspace('task.md')).toBe('of the Task\n');
  expect(inWorkspace('README.md')).toBe('last\n');
});

test('changes nothing when it is run again', async () => {
  await copied();
  writeFileSync(join(workspace, 'README.md'), 'of the agent\n');
  const { code } = await copied();
  expect(code).toBe(0);
  expect(inWorkspace('README.md')).toBe('of the agent\n');
  expect(readdirSync(workspace).filter((name) => name.startsWith('.countersign'))).toEqual([]);
});

test('copies a folder of it', async () => {
  expect((await copied({ GIT_REPO_SUBPATH: 'docs' })).code).toBe(0);
  expect(readdirSync(workspace)).toEqual(['guide.md']);
});

test('does not follow a link that is in the workspace', async () => {
  const elsewhere = mkdtempSync(join(folder, 'elsewhere-'));
  symlinkSync(elsewhere, join(workspace, 'docs'));
  expect((await copied()).code).toBe(0);
  expect(readdirSync(elsewhere)).toEqual([]);
  expect(lstatSync(join(workspace, 'docs')).isSymbolicLink()).toBe(true);
});

test.each([
  ['nowhere', /there is no nowhere in the repository/],
  ['outside', /there is no outside in the repository/],
  ['README.md', /is a file of the repository/],
])('refuses to copy %s', async (path, reason) => {
  const { code, out } = await copied({ GIT_REPO_SUBPATH: path });
  expect({ code, out }).toEqual({ code: 1, out: expect.stringMatching(reason) });
  expect(readdirSync(workspace)).toEqual([]);
});
