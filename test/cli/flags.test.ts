import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { parse } from 'yaml';
import { run } from './run.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'flags-'));
});

afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

function file(text: string): string {
  const path = join(folder, 'config.yaml');
  writeFileSync(path, text);
  return path;
}

async function settings(...args: readonly string[]): Promise<unknown> {
  const { code, out, err } = await run('webhook', '--print-config', ...args);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  return parse(out);
}

describe('a setting', () => {
  test('comes from a flag, else from the environment, else from the file, else it is the default', async () => {
    const config = file('listen: 127.0.0.1:1\nnamespace: from-file\nonNoMatch: warn\n');
    vi.stubEnv('COUNTERSIGN_LISTEN', '127.0.0.1:2');
    vi.stubEnv('COUNTERSIGN_NAMESPACE', 'from-environment');
    expect(await settings('--config', config, '--listen', '127.0.0.1:3')).toMatchObject({
      listen: { port: 3 },
      namespace: 'from-environment',
      onNoMatch: 'warn',
      onDecisionLogFailure: 'refuse',
    });
  });

  test('may be repeated on the command line, a list in the file, and separated by commas in the environment', async () => {
    const policies = ['a.yaml', 'b.yaml'];
    expect(await settings('--policies', 'a.yaml', '--policies', 'b.yaml')).toMatchObject({ policies });
    expect(await settings('--config', file('policies: [a.yaml, b.yaml]'))).toMatchObject({ policies });
    vi.stubEnv('COUNTERSIGN_POLICIES', 'a.yaml,b.yaml');
    expect(await settings()).toMatchObject({ policies });
  });

  test('of one value may stand in the file without brackets', async () => {
    expect(await settings('--config', file('policies: a.yaml'))).toMatchObject({ policies: ['a.yaml'] });
  });

  test('that is a number in the file is one', async () => {
    expect(await settings('--config', file('drainSeconds: 7'))).toMatchObject({ drainSeconds: 7 });
  });
});

describe('a file of settings', () => {
  test.each([
    { name: 'has a key that is none', text: 'listn: 127.0.0.1:1', named: '"listn"' },
    { name: 'writes a key with hyphens', text: 'on-no-match: warn', named: '"on-no-match"' },
    { name: 'is a list', text: '- listen', named: 'mapping' },
    { name: 'is a text', text: 'listen', named: 'mapping' },
    { name: 'is empty', text: '', named: 'mapping' },
    { name: 'is no YAML', text: 'listen: [', named: 'not YAML' },
    { name: 'has the same key twice', text: 'listen: a:1\nlisten: b:2', named: 'not YAML' },
    { name: 'has a key without a value', text: 'kubeconfig:', named: 'kubeconfig' },
    { name: 'has a mapping for a value', text: 'listen: { host: a }', named: 'listen' },
    { name: 'has a list for a single value', text: 'listen: [a, b]', named: 'listen' },
    { name: 'has mappings in a list', text: 'policies: [{ a: b }]', named: 'policies' },
    { name: 'has yes or no for a text', text: 'namespace: true', named: 'namespace' },
    { name: 'has a text for yes or no', text: 'printConfig: "no"', named: 'printConfig' },
    { name: 'has a value that cannot be', text: 'onNoMatch: permit', named: '--on-no-match' },
  ])('that $name is 2 and says so', async ({ text, named }) => {
    const { code, out, err } = await run('webhook', '--print-config', '--config', file(text));
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain(named);
    expect(err).not.toContain('    at ');
  });

  test('that is not there is 2 and says so', async () => {
    const { code, err } = await run('webhook', '--print-config', '--config', join(folder, 'nowhere.yaml'));
    expect(code).toBe(2);
    expect(err).toContain('--config: cannot read');
  });
});

describe('a command line', () => {
  test.each([
    { args: ['nonsense'], named: 'nonsense' },
    { args: ['webhook', '--listn', 'a:1'], named: '--listn' },
    { args: ['webhook', '--listen'], named: '--listen' },
    { args: ['webhook', '--listen', 'nonsense'], named: '--listen' },
    { args: ['webhook', 'extra'], named: 'too many arguments' },
    { args: ['verify'], named: 'image' },
    { args: ['explain', 'alpine'], named: '--policies' },
    { args: ['policy', 'lint'], named: '--file' },
    { args: ['policy', 'lnt'], named: 'lnt' },
  ])('with $args is 2 and names $named', async ({ args, named }) => {
    const { code, out, err } = await run(...args);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain(named);
  });

  test('tells every wrong setting at once', async () => {
    const { code, err } = await run('webhook', '--listen', 'x', '--on-no-match', 'x', '--drain-seconds', 'x');
    expect(code).toBe(2);
    for (const flag of ['--listen', '--on-no-match', '--drain-seconds']) expect(err).toContain(flag);
  });

  test.each([['--help'], ['webhook', '--help'], ['audit', '--help'], ['audit', 'list', '--help']])(
    'with %s %s %s prints help and is 0',
    async (...args) => {
      const { code, out, err } = await run(...args.filter((arg) => typeof arg === 'string'));
      expect({ code, err }).toEqual({ code: 0, err: '' });
      expect(out).toMatch(/^Usage: countersign/);
    },
  );
});
