import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { asRecord } from '../../src/kernel/strict-json.ts';
import { metaTask } from '../../src/workflow/meta-task.ts';

test('the manifest has the Task that the controller makes', () => {
  const manifest = readFileSync(new URL('../../manifests/kubernaut/meta-task.yaml', import.meta.url), 'utf8');
  expect(parse(manifest)).toEqual(metaTask('kubernaut-system'));
});

test('every text in which Tekton replaces references is one of its own, but for the result', () => {
  const references = [...scriptOf().matchAll(/\$\((?!\()[a-z]+\.[^)]*\)/g)].map(([reference]) => reference);
  expect(references).toEqual(['$(results.outputs.path)']);
});

function scriptOf(): string {
  const steps = asRecord(metaTask('any')['spec'])?.['steps'];
  const script = asRecord(Array.isArray(steps) ? steps[0] : undefined)?.['script'];
  return typeof script === 'string' ? script : '';
}

const shells = [['dash'], ['busybox', 'sh'], ['bash', '--posix'], ['bash']];

describe.each(shells)('its script under %s %s', (...shell: readonly (string | undefined)[]) => {
  let folder = '';

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'meta-task-'));
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  interface Ran {
    readonly log: string;
    readonly errors: string;
    readonly code: number | null;
    readonly result: string | undefined;
  }

  function run(entrypoint: string, inputs = '{}', result = join(folder, 'result')): Ran {
    const action = join(folder, 'action-entrypoint');
    const script = join(folder, 'script');
    rmSync(result, { force: true });
    writeFileSync(action, `#!/bin/sh\n${entrypoint}\n`);
    chmodSync(action, 0o755);
    writeFileSync(script, scriptOf().replace('/action-entrypoint', action).replace('$(results.outputs.path)', result));
    const [program = '', ...args] = shell.filter((one) => one !== undefined);
    const env = { ...process.env, ACTION_INPUTS: inputs };
    const ended = spawnSync(program, [...args, script], { env, encoding: 'utf8', timeout: 15_000, maxBuffer: 1e8 });
    return { log: ended.stdout, errors: ended.stderr, code: ended.status, result: read(result) };
  }

  function read(path: string): string | undefined {
    try {
      return readFileSync(path, 'utf8');
    } catch {
      return undefined;
    }
  }

  test('gives the inputs on standard input, byte for byte', () => {
    const inputs = JSON.stringify({ a: 'back\\slash \\n $HOME `x` "q" \u2028 ünï 🎉', b: '-n %s\t', c: '$(x)' });
    expect(run('cat', inputs).log).toBe(`${inputs}\n`);
  });

  test('leaves them in the environment as well', () => {
    expect(run(`printf '%s\\n' "$ACTION_INPUTS"`, '{"a":"\\\\n"}').log).toBe('{"a":"\\\\n"}\n');
  });

  test.each([0, 1, 7, 127, 255])('ends with exit code %i when the action does', (code) => {
    const ended = run(`echo '{"a":1}'; exit ${code}`);
    expect(ended.code).toBe(code);
    expect(ended.result).toBe('{"a":1}');
  });

  test('ends with the code of an action that is killed', () => {
    expect(run('kill -KILL $$').code).toBe(137);
  });

  test('shows what is printed on both streams, with a last line that has no end', () => {
    const ended = run(`printf '%s\\n' '  spaced \\t'; echo oops >&2; printf 'last'`);
    expect(ended.log).toBe('  spaced \\t\nlast\n');
    expect(ended.errors).toBe('oops\n');
  });

  test.each([
    ['the only line', `echo '{"a":1}'`, '{"a":1}'],
    ['without an end of line', `printf '{"a":1}'`, '{"a":1}'],
    ['between noise', `echo noise; echo '{"a":1}'; echo more`, '{"a":1}'],
    ['the last of several', `echo '{"a":1}'; echo '{"b":2}'`, '{"b":2}'],
    [
      'over several lines',
      `printf '{\\n  "a": "x y",\\n  "b": {\\n    "c": 1\\n  }\\n}\\n'`,
      '{"a":"x y","b":{"c":1}}',
    ],
  ])('the result is the last JSON object: %s', (_, entrypoint, expected) => {
    const { result = '' } = run(entrypoint);
    expect(JSON.parse(result)).toEqual(JSON.parse(expected));
  });

  test.each(['exit 0', 'echo done', 'echo }; echo "[1]"; echo "x {"'])(
    'the result is empty when no object is printed: %s',
    (entrypoint) => {
      expect(run(entrypoint).result).toBe('');
    },
  );

  test.each([
    ['is indented', `printf '  {\n    "a": 1\n  }\n'`],
    ['is in a list', `printf '[\n{"a":1}\n]\n'`],
    ['has objects at the beginning of lines', `printf '{\n"a":[\n{"b":1}\n]\n}\n'`],
    ['ends in the middle of a line', `printf '{"a":1,\n"b":2}\n'`],
    ['has blanks behind it', `echo '{"a":1} '`],
    ['ends as on another system', `printf '{"a":1}\r\n'`],
    ['comes after one that is clear', `echo '{"a":1}'; printf ' {"b":2}\n'`],
  ])('whoever reads the log finds the result that %s', (_, entrypoint) => {
    expect(JSON.parse(run(entrypoint).result ?? '')).toEqual({ truncated: true });
  });

  test.each([
    ['too long', `i=0; while [ $i -lt 400 ]; do s="$s 1234567890"; i=$((i+1)); done; echo "{\\"a\\":\\"$s\\"}"`],
    ['full of quotes', `i=0; while [ $i -lt 800 ]; do s="$s\\"\\","; i=$((i+1)); done; echo "{\\"a\\":[$s 1]}"`],
    ['full of what Go escapes', `i=0; while [ $i -lt 900 ]; do s="$s<"; i=$((i+1)); done; echo "{\\"a\\":\\"$s\\"}"`],
  ])('a result that Tekton would not take is replaced by its size, and fails nothing: %s', (_, entrypoint) => {
    const ended = run(entrypoint);
    expect(ended.code).toBe(0);
    expect(JSON.parse(ended.result ?? '')).toMatchObject({ truncated: true });
    expect(ended.log).toContain('{"a":');
  });

  test('a result that cannot be written fails nothing', () => {
    const ended = run(`echo '{"a":1}'; exit 3`, '{}', join(folder, 'nowhere', 'result'));
    expect(ended).toMatchObject({ code: 3, errors: '', log: '{"a":1}\n' });
  });

  test('an action that reads nothing is not disturbed', () => {
    const inputs = JSON.stringify({ a: 'x'.repeat(110_000) });
    expect(run('exit 0', inputs)).toMatchObject({ code: 0, errors: '' });
  });

  test('takes what the size of a termination message allows', () => {
    const escaped = (text: string): string => JSON.stringify(text).replace(/[<>&]/g, '\\u0026');
    const { result = '' } = run(
      `i=0; while [ $i -lt 290 ]; do s="$s 123456789"; i=$((i+1)); done; echo "{\\"a\\":\\"$s\\"}"`,
    );
    expect(JSON.parse(result)).not.toHaveProperty('truncated');
    expect(Buffer.byteLength(escaped(result))).toBeLessThan(3_700);
  });
});
