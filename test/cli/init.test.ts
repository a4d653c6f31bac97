import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { runProgram } from '../../src/cli/program.ts';

async function run(...args: readonly string[]): Promise<{ readonly code: number; readonly out: string }> {
  let out = '';
  const code = await runProgram(args, { out: (text) => void (out += text), err: () => undefined, colour: false });
  return { code, out };
}

/** Only what these commands read. */
function setEnvironment(env: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
  onTestFinished(() => void vi.unstubAllEnvs());
}

test('runs the commands of init containers as they are told by the environment', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-cli-init-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  setEnvironment({ WORKSPACE_DIR: join(folder, 'workspace'), FILE_MAPPINGS: '', DIR_MAPPINGS: '' });
  const { code, out } = await run('context-init');
  expect({ code, out }).toEqual({ code: 0, out: expect.stringContaining('context-init: Done!\n') });
  expect(readdirSync(folder)).toEqual(['workspace']);
});

test.each([
  ['git-init', { GIT_REPO: 'file:///etc' }, /^git-init: Error: .*git\.repository/],
  ['url-fetch', { URL_SOURCE: 'http://169.254.169.254/', URL_TARGET: '/x' }, /^url-fetch: Error: .*169\.254\.169\.254/],
  ['context-init', { FILE_MAPPINGS: '{' }, /^context-init: Error: FILE_MAPPINGS/],
])('%s ends with 1 and a reason when it must not do what it is told', async (name, env, reason) => {
  setEnvironment(env);
  const { code, out } = await run(name);
  expect({ code, out }).toEqual({ code: 1, out: expect.stringMatching(reason) });
});
