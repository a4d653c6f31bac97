/** The program as it is started: what in-process tests cannot see. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { Ran } from './run.ts';

const folder = mkdtempSync(join(tmpdir(), 'program-'));
const main = new URL('../../src/main.ts', import.meta.url).pathname;

afterAll(() => rmSync(folder, { recursive: true }));

async function countersign(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ran> {
  const child = spawn(process.execPath, [main, ...args], { cwd: folder, env: { PATH: process.env['PATH'], ...env } });
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
  // A child that ends by itself has a code.
  const [code] = (await once(child, 'close')) as [number];
  return { code, out, err };
}

describe('the exit code of the process', () => {
  test('is 0 for help, which is on standard output', async () => {
    const { code, out, err } = await countersign(['--help']);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    for (const command of ['webhook', 'review', 'verify', 'explain', 'policy', 'audit', 'verify-bundle']) {
      expect(out).toContain(command);
    }
  });

  test('is 2 for a command line that is wrong, and nothing is on standard output', async () => {
    const { code, out, err } = await countersign(['audit', 'list', '--limit', 'x'], { NO_COLOR: '1' });
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toBe('countersign: --limit: "x" is not a number of records\n');
  });

  test('is 1 for a refusal: here a decision log that was changed', async () => {
    writeFileSync(join(folder, 'changed.jsonl'), '{}\n');
    const ran = await countersign(['audit', 'verify', '-o', 'json'], {
      COUNTERSIGN_DECISION_LOG: join(folder, 'changed.jsonl'),
    });
    expect(ran.code).toBe(1);
    expect(JSON.parse(ran.out)).toMatchObject({ verdict: 'broken' });
  });

  test('is 3 when a registry cannot be reached, and colour is for terminals only', async () => {
    const key = new URL('../fixtures/cosign/p256.pub', import.meta.url).pathname;
    const args = ['verify', '127.0.0.1:1/web:1', '--insecure-registry', '127.0.0.1:1', '--key', key];
    const { code, out } = await countersign(args);
    expect(code).toBe(3);
    expect(out).toMatch(/^undecided {2}127\.0\.0\.1:1\/web:1\n {2}REGISTRY_UNREACHABLE: /);
  });
});
