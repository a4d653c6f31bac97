/** context-init on real folders: what is copied, what is left out, and where nothing may be written. */
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { InitResult } from '../../src/init/command.ts';
import { contextInit } from '../../src/init/context/context-init.ts';

let folder: string;
let workspace: string;
let tools: string;
let configMap: string;
let said: string[];

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'countersign-context-init-')));
  workspace = join(folder, 'workspace');
  tools = join(folder, 'tools');
  for (const volume of [workspace, tools, join(folder, 'elsewhere')]) mkdirSync(volume);
  configMap = mountedConfigMap('configmap-files', { 'workspace-task.md': 'Do it.\n', 'other.md': 'other\n' });
  said = [];
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** As kubelet mounts one: keys are links into a folder that it replaces as a whole. */
function mountedConfigMap(name: string, data: Readonly<Record<string, string>>): string {
  const volume = join(folder, name);
  mkdirSync(join(volume, '..2030'), { recursive: true });
  symlinkSync('..2030', join(volume, '..data'));
  for (const [key, content] of Object.entries(data)) {
    writeFileSync(join(volume, '..2030', key), content);
    symlinkSync(`..data/${key}`, join(volume, key));
  }
  return volume;
}

interface Mappings {
  readonly files?: unknown;
  readonly folders?: unknown;
}

function run({ files, folders }: Mappings, env: Readonly<Record<string, string>> = {}): Promise<InitResult> {
  return contextInit({
    env: {
      WORKSPACE_DIR: workspace,
      CONFIGMAP_PATH: configMap,
      ...(files === undefined ? {} : { FILE_MAPPINGS: JSON.stringify(files) }),
      ...(folders === undefined ? {} : { DIR_MAPPINGS: JSON.stringify(folders) }),
      ...env,
    },
    say: (line) => void said.push(line),
    signal: new AbortController().signal,
    mountPoints: () => [tools, workspace],
  });
}

const toTask = (targetPath: string, more: object = {}): Mappings => ({
  files: [{ key: 'workspace-task.md', targetPath, ...more }],
});
const read = (...path: readonly string[]): string => readFileSync(join(...path), 'utf8');
const modeOf = (...path: readonly string[]): number => statSync(join(...path)).mode & 0o777;
const done = { ok: true, value: undefined };

describe('context-init', () => {
  test('writes a file with mode 0644', async () => {
    expect(await run(toTask(join(workspace, 'task.md')))).toEqual(done);
    expect(read(workspace, 'task.md')).toBe('Do it.\n');
    expect(modeOf(workspace, 'task.md')).toBe(0o644);
    expect(said).toContain(`context-init: Copied workspace-task.md -> ${join(workspace, 'task.md')} (mode: 0644)`);
  });

  test.each([[0o755], [0o400], [0]])('writes a file with mode %i, as JSON has it', async (fileMode) => {
    expect(await run(toTask(join(workspace, 'task.md'), { fileMode }))).toEqual(done);
    expect(modeOf(workspace, 'task.md')).toBe(fileMode);
  });

  test('makes folders that any user may write to', async () => {
    expect(await run(toTask(join(workspace, 'a/b/task.md')))).toEqual(done);
    expect([modeOf(workspace, 'a'), modeOf(workspace, 'a/b')]).toEqual([0o777, 0o777]);
  });

  test('writes into other volumes, and takes doubled slashes', async () => {
    expect(await run(toTask(`${tools}//opencode.json`))).toEqual(done);
    expect(read(tools, 'opencode.json')).toBe('Do it.\n');
  });

  test('copies the keys of a ConfigMap and not what kubelet keeps beside them', async () => {
    const sourcePath = mountedConfigMap('configmap-dir-0', { 'a.md': 'a\n', '.hidden': 'b\n' });
    const targetPath = join(workspace, 'guides');
    expect(await run({ folders: [{ sourcePath, targetPath }] })).toEqual(done);
    expect(readdirSync(targetPath).toSorted()).toEqual(['.hidden', 'a.md']);
    expect(lstatSync(join(targetPath, 'a.md')).isFile()).toBe(true);
    expect(modeOf(targetPath, 'a.md')).toBe(0o644);
  });

  test('copies folders in it, as items of a volume make them, with the mode that is asked for', async () => {
    const sourcePath = join(folder, 'configmap-dir-0');
    mkdirSync(join(sourcePath, 'deep/er'), { recursive: true });
    writeFileSync(join(sourcePath, 'deep/er/x'), 'x');
    expect(await run({ folders: [{ sourcePath, targetPath: join(workspace, 'g'), fileMode: 0o600 }] })).toEqual(done);
    expect(modeOf(workspace, 'g/deep/er/x')).toBe(0o600);
  });

  test('does the same when the container is started again, and takes a newer content', async () => {
    const mappings = toTask(join(workspace, 'task.md'), { fileMode: 0o400 });
    await run(mappings);
    writeFileSync(join(configMap, '..2030/workspace-task.md'), 'Do more.\n');
    expect(await run(mappings)).toEqual(done);
    expect(read(workspace, 'task.md')).toBe('Do more.\n');
    expect(readdirSync(workspace)).toEqual(['task.md']);
  });

  test('makes the workspace, and has nothing to do without mappings', async () => {
    const WORKSPACE_DIR = join(folder, 'new');
    expect(await run({}, { WORKSPACE_DIR })).toEqual(done);
    expect(readdirSync(WORKSPACE_DIR)).toEqual([]);
    expect(said.at(-1)).toBe('context-init: Done!');
  });

  test('reads the empty list that Go writes as null', async () => {
    expect(await run({ files: null, folders: null })).toEqual(done);
  });

  test.each([
    ['a key that is not there', { files: [{ key: 'missing', targetPath: '/x' }] }],
    ['a folder that is not there', { folders: [{ sourcePath: '/nowhere', targetPath: '/x' }] }],
  ])('leaves out %s with a warning', async (_, { files, folders }: Mappings) => {
    expect(await run({ files, folders })).toEqual(done);
    expect(said).toContainEqual(expect.stringContaining('context-init: Warning: '));
  });

  test('leaves out what a link brings in from outside of the ConfigMap', async () => {
    writeFileSync(join(folder, 'elsewhere/secret'), 'secret\n');
    symlinkSync(join(folder, 'elsewhere/secret'), join(configMap, 'stolen'));
    symlinkSync(join(folder, 'elsewhere'), join(configMap, 'all'));
    const files = [{ key: 'stolen', targetPath: join(workspace, 'stolen') }];
    expect(await run({ files, folders: [{ sourcePath: configMap, targetPath: join(workspace, 'g') }] })).toEqual(done);
    expect(existsSync(join(workspace, 'stolen'))).toBe(false);
    expect(readdirSync(join(workspace, 'g')).toSorted()).toEqual(['other.md', 'workspace-task.md']);
  });
});

describe('context-init, where a repository is in the workspace already', () => {
  test('takes the place of its file, and of a link with the same name without following it', async () => {
    const outside = join(folder, 'elsewhere/file');
    writeFileSync(outside, 'untouched\n');
    symlinkSync(outside, join(workspace, 'task.md'));
    writeFileSync(join(workspace, 'other.md'), 'of the repository\n');
    const files = ['workspace-task.md', 'other.md'].map((key) => ({
      key,
      targetPath: join(workspace, key.replace('workspace-', '')),
    }));
    expect(await run({ files })).toEqual(done);
    expect(read(outside)).toBe('untouched\n');
    expect(lstatSync(join(workspace, 'task.md')).isFile()).toBe(true);
    expect(read(workspace, 'other.md')).toBe('other\n');
  });

  test('follows a link to a folder that stays in the workspace', async () => {
    mkdirSync(join(workspace, 'real'));
    symlinkSync('real', join(workspace, 'linked'));
    expect(await run(toTask(join(workspace, 'linked/new/task.md')))).toEqual(done);
    expect(read(workspace, 'real/new/task.md')).toBe('Do it.\n');
  });

  test.each([
    ['another folder', 'elsewhere', /leads out of .* by a link/],
    ['another volume', 'tools', /leads out of .* by a link/],
    ['nothing', 'nowhere', /is no folder/],
  ])('does not follow a link to %s', async (_, name, reason) => {
    symlinkSync(join(folder, name), join(workspace, 'linked'));
    const result = await run(toTask(join(workspace, 'linked/task.md')));
    expect(result).toEqual({ ok: false, failure: expect.stringMatching(reason) });
    expect([...readdirSync(join(folder, 'elsewhere')), ...readdirSync(tools)]).toEqual([]);
  });

  test('writes no file where a folder is, nor below a file', async () => {
    mkdirSync(join(workspace, 'folder'));
    writeFileSync(join(workspace, 'file'), '');
    expect(await run(toTask(join(workspace, 'folder')))).toMatchObject({
      ok: false,
      failure: expect.stringContaining('is a folder already'),
    });
    expect(await run(toTask(join(workspace, 'file/x')))).toMatchObject({
      ok: false,
      failure: expect.stringContaining('is no folder'),
    });
  });
});

describe('context-init refuses', () => {
  test.each<[what: string, mappings: Mappings, reason: RegExp]>([
    ['a place that no volume is mounted at', toTask('/nowhere/task.md'), /is in no volume, and would be lost/],
    ['the place of a volume itself', toTask('/'), /no absolute path of a file/],
    ['"..": it leads out', toTask('/workspace/../etc/passwd'), /a part "\.\."/],
    ['"..": even where it does not', toTask('/workspace/a/../b'), /a part "\.\."/],
    ['a relative path', toTask('workspace/task.md'), /no absolute path/],
    ['an empty path', toTask(''), /no absolute path/],
    ['a folder as a file', toTask('/workspace/'), /no absolute path/],
    ['a path with NUL', toTask('/workspace/a\0b'), /no absolute path/],
    [
      'a key with a slash',
      { files: [{ key: '../etc/passwd', targetPath: '/x' }] },
      /FILE_MAPPINGS\[0\]: key is no key/,
    ],
    ["kubelet's own folder", { files: [{ key: '..data', targetPath: '/x' }] }, /key is no key/],
    ['a mode that is none', toTask('/workspace/x', { fileMode: 512 }), /fileMode is no number/],
    ['a mode as text', toTask('/workspace/x', { fileMode: '0644' }), /fileMode is no number/],
    ['no list', { files: {} }, /FILE_MAPPINGS is no JSON list/],
    ['a list of something else', { folders: [1] }, /DIR_MAPPINGS\[0\]: it is no JSON object/],
    ['a source with ".."', { folders: [{ sourcePath: '/a/../etc', targetPath: '/x' }] }, /a part "\.\."/],
    ['no target', { folders: [{ sourcePath: '/a' }] }, /targetPath is no text/],
    [
      'more mappings than a ConfigMap has keys',
      { files: Array.from({ length: 10_001 }, () => ({})) },
      /more than 10000/,
    ],
  ])('%s', async (_, mappings, reason) => {
    expect(await run(mappings)).toEqual({ ok: false, failure: expect.stringMatching(reason) });
    expect(readdirSync(workspace)).toEqual([]);
  });

  test.each<[env: Readonly<Record<string, string>>, reason: RegExp]>([
    [{ FILE_MAPPINGS: '[' }, /FILE_MAPPINGS cannot be read: not valid JSON/],
    [{ FILE_MAPPINGS: `"${'x'.repeat(5_000_000)}"` }, /FILE_MAPPINGS is longer than/],
    [{ FILE_MAPPINGS: '[{"key":"a","key":"b","targetPath":"/x"}]' }, /occurs twice/],
    [{ WORKSPACE_DIR: 'workspace' }, /no absolute path/],
    [{ CONFIGMAP_PATH: '/a/../b' }, /a part "\.\."/],
  ])('%.60j', async (env, reason) => {
    expect(await run({}, env)).toEqual({ ok: false, failure: expect.stringMatching(reason) });
  });
});
