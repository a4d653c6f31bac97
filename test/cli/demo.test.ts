import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { workloadKinds } from '../../src/demo/workloads.ts';
import { run } from './run.ts';

let folder: string;
let demo: Awaited<ReturnType<typeof run>>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'countersign-demo-test-'));
  demo = await run('demo', '--keep', folder);
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

describe('the demo', () => {
  test('gets every decision as it must be, and a whole decision log', () => {
    expect(demo.code).toBe(0);
    expect(demo.out).toMatch(/\n(?:[3-9]\d) decisions, 0 not as expected; decision log intact; /);
    expect(demo.out).not.toMatch(/^NO /m);
  });

  test('shows admissions and refusals of every kind of workload', () => {
    const rows = demo.out.split('\n').filter((line) => line.startsWith('ok '));
    const seen = rows.map((row) => {
      const [, kind, , ...rest] = row.split(/ {2,}/);
      return `${kind} ${rest.find((cell) => cell === 'admit' || cell === 'refuse')}`;
    });

    expect(new Set(seen)).toStrictEqual(new Set(workloadKinds.flatMap((kind) => [`${kind} admit`, `${kind} refuse`])));
  });

  test('keeps policies and decision log where it is told to', async () => {
    expect(await readdir(folder)).toStrictEqual(expect.arrayContaining(['decisions.jsonl', 'policies']));
  });

  test('leaves a decision log that the other commands can read', async () => {
    const log = join(folder, 'decisions.jsonl');
    const verified = await run('audit', 'verify', '--decision-log', log, '--output', 'json');

    expect(verified.code).toBe(0);
    expect(JSON.parse(verified.out)).toMatchObject({ verdict: 'intact' });
  });
});

test('without a folder of its own, nothing is left behind', async () => {
  const temporary = await mkdtemp(join(folder, 'temporary-'));
  vi.stubEnv('TMPDIR', temporary);
  onTestFinished(() => void vi.unstubAllEnvs());

  expect((await run('demo')).code).toBe(0);
  expect(await readdir(temporary)).toStrictEqual([]);
});
