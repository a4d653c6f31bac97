/** The entrypoint of actions, in the shells that images have. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { lastJsonObject } from '../../src/workflow/outputs.ts';
import { onPath } from '../cluster/programs.ts';
import { catalogue, catalogueFolder } from './catalogue.ts';

const shells = [
  ['dash', ['dash']],
  ['bash', ['bash', '--posix']],
  ['busybox', ['busybox', 'ash']],
] as const;

const programs = ['dash', 'bash', 'busybox', 'jq'];
const absent = programs.filter((name) => onPath(name) === undefined);
if (absent.length > 0 && process.env['CI'] !== undefined) throw new Error(`CI needs ${absent.join(', ')}`);
if (absent.length > 0) process.stderr.write(`actions: SKIPPING THE ENTRYPOINT: there is no ${absent.join(', ')}\n`);

/** What an action could be handed that a shell would make something of. */
const texts: Readonly<Record<string, string>> = {
  quotes: `"double" 'single' \`reboot\``,
  substitution: '$(touch /tmp/should-not-be) ${HOME} $HOME $$',
  backslashes: 'a\\nb \\\\ \\t %s %n',
  lines: 'first\nsecond\n\nfourth',
  unicode: 'é 漢字 🙂 \u202e',
  option: '--all --help',
  glob: '* ? [a-z] ~',
  empty: '',
  large: 'x'.repeat(100 * 1024),
};

describe.runIf(absent.length === 0).each(shells)('the entrypoint in %s', (_name, [shell, ...args]) => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'countersign-entrypoint-'));
    copyFileSync(join(catalogueFolder, 'action-entrypoint'), join(folder, 'action-entrypoint'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  function run(script: string, given: { readonly variable?: string; readonly stdin?: string }) {
    writeFileSync(join(folder, 'action.sh'), script);
    const { status, stdout, stderr } = spawnSync(shell, [...args, join(folder, 'action-entrypoint')], {
      encoding: 'utf8',
      env: { PATH: process.env['PATH'], ...(given.variable === undefined ? {} : { ACTION_INPUTS: given.variable }) },
      input: given.stdin ?? '',
      timeout: 15_000,
    });
    return { status, stdout, stderr };
  }
  const echo = 'text=$(input text)\nresult --arg text "$text"\n';

  describe.each(['variable', 'stdin'])('with its inputs in %s', (place) => {
    test.each(Object.entries(texts))('gets %s as it was written', (_kind, text) => {
      const { status, stdout } = run(echo, { [place]: JSON.stringify({ text }) });
      expect(status).toBe(0);
      expect(JSON.parse(stdout)).toEqual({ text });
    });

    test.each([
      ['a number', 10, '10'],
      ['false', false, 'false'],
      ['zero', 0, '0'],
      ['an object', { a: [1] }, '{"a":[1]}'],
      ['null, which is no value', null, 'otherwise'],
    ])('gets %s', (_kind, value, expected) => {
      const { stdout } = run('result --arg text "$(input text otherwise)"\n', {
        [place]: JSON.stringify({ text: value }),
      });
      expect(JSON.parse(stdout)).toEqual({ text: expected });
    });

    test('takes no inputs as {}', () => {
      const { stdout } = run('result --arg text "$(input text none)"\n', { [place]: '{}' });
      expect(JSON.parse(stdout)).toEqual({ text: 'none' });
    });
  });

  test('takes more on standard input than a variable can hold', () => {
    const { stdout } = run('result --argjson length "$(input text | wc -c)"\n', {
      stdin: JSON.stringify({ text: 'x'.repeat(1024 * 1024) }),
    });
    expect(JSON.parse(stdout)).toEqual({ length: 1024 * 1024 + 1 });
  });

  test('prefers the variable, as on Tekton, where both are given', () => {
    const { stdout } = run(echo, { variable: '{"text":"one"}', stdin: '{"text":"other"}' });
    expect(JSON.parse(stdout)).toEqual({ text: 'one' });
  });

  test.each([{}, { variable: '' }, { stdin: '' }])('refuses to start without inputs: %j', (given) => {
    expect(run(echo, given)).toEqual({ status: 1, stdout: '', stderr: 'ERROR: No inputs\n' });
  });

  test.each(['no json', '{"a":', '["text"]', '"text"'])('fails on %s', (variable) => {
    const { status, stdout } = run(echo, { variable });
    expect([status === 0, stdout]).toEqual([false, '']);
  });

  test('keeps noise out of the result', () => {
    const { stdout, stderr } = run(
      'echo working\necho "{}"\nresult --arg text done\necho after\n'.replace('text done', 'text "done"'),
      {
        variable: '{}',
      },
    );
    expect(stdout).toBe('{"text":"done"}\n');
    expect(stderr).toBe('working\n{}\nafter\n');
    expect(lastJsonObject(`working\n${stdout}`)).toEqual({ text: 'done' });
  });

  test('ends with the first command that fails, and without a result', () => {
    const { status, stdout, stderr } = run('value=$(false)\nresult --arg text "$value"\n', { variable: '{}' });
    expect([status, stdout, stderr]).toEqual([1, '', '']);
  });

  test('ends with a sentence when the action gives up', () => {
    const { status, stderr } = run('die \'There is no "x".\'\n', { variable: '{}' });
    expect([status, stderr]).toEqual([1, 'ERROR: There is no "x".\n']);
  });

  test('hides the inputs from programs that the action starts', () => {
    const { stderr } = run('env\n', { variable: '{"text":"secret"}' });
    expect(stderr).not.toContain('secret');
  });

  test('understands every script', () => {
    for (const name of [
      'action-entrypoint',
      'action-git',
      'action-askpass',
      ...catalogue.map(({ name }) => `${name}/action.sh`),
    ]) {
      const { status, stderr } = spawnSync(shell, [...args, '-n', join(catalogueFolder, name)], { encoding: 'utf8' });
      expect([name, status, stderr]).toEqual([name, 0, '']);
    }
  });
});

test.runIf(absent.length === 0)('at a terminal without inputs it does not wait', () => {
  // A terminal of its own, by script(1), where there is one.
  const entrypoint = join(catalogueFolder, 'action-entrypoint');
  const { status, stdout } = spawnSync('script', ['-qec', `sh ${entrypoint}`, '/dev/null'], {
    encoding: 'utf8',
    timeout: 10_000,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'] },
  });
  expect([status, stdout.trim()]).toEqual([1, 'ERROR: No inputs']);
});
