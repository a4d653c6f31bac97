/** Threads that misbehave in ways that the engines do not. */
import { Worker } from 'node:worker_threads';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Pool, unavailable } from '../../../src/adapters/policy-languages/pool.ts';
import { ok, type Result } from '../../../src/kernel/result.ts';
import { told } from './evaluate.ts';

const settings = {
  threads: 1,
  maxWaiting: 10,
  timeoutMs: 50,
  giveUpMs: 3_000,
  startMs: 30_000,
  recycleBytes: 1_000,
  recycleAfter: 10,
} as const;
const task = { name: 'NAME', language: 'cue', policy: '', input: '{}' } as const;
const ready = `tell({ kind: 'ready' });`;
const passes = `${ready} port.on('message', () => tell(pass(1)));`;

/** Threads that run these scripts, one after the other; the last one again and again. */
function poolOf(scripts: readonly string[], changed: { readonly startMs?: number } = {}): Started {
  let count = 0;
  const start = (): Promise<Result<Worker>> => {
    const script = scripts[Math.min(count, scripts.length - 1)] ?? '';
    count += 1;
    const begin = `const { parentPort: port } = require('node:worker_threads');
      const tell = (report) => port.postMessage({ report, processorMs: 0 });
      const pass = (memoryBytes) => ({ kind: 'evaluated', evaluation: { result: 'pass', message: '' }, memoryBytes });`;
    return Promise.resolve(
      ok(new Worker(`${begin}\n${script}`, { eval: true, resourceLimits: { maxOldGenerationSizeMb: 16 } })),
    );
  };
  const pool = new Pool(start, { ...settings, ...changed });
  onTestFinished(() => pool.close());
  const run = async (more: { readonly policy?: string } = {}): Promise<string> =>
    told(await pool.run({ ...task, ...more }, AbortSignal.timeout(30_000)));
  return { run, threads: () => count };
}

interface Started {
  readonly run: (more?: { readonly policy?: string }) => Promise<string>;
  readonly threads: () => number;
}

test.each([
  ['ends', 'process.exit(3)', 'POLICY_ENGINE_UNAVAILABLE'],
  ['throws', `throw new Error('a bug')`, 'POLICY_ENGINE_UNAVAILABLE'],
  ['says that it is broken', `tell({ kind: 'broken', problem: 'rust' })`, 'POLICY_ENGINE_UNAVAILABLE'],
  ['computes for ever', 'for (;;);', 'POLICY_LIMIT_EXCEEDED'],
  ['gets no processor', 'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)', 'OVERLOADED'],
  ['is spent', `tell({ kind: 'limit', problem: 'stack', isSpent: true })`, 'POLICY_LIMIT_EXCEEDED'],
])('a thread that %s is replaced', async (_name, script, expected) => {
  const pool = poolOf([`${ready} port.on('message', () => { ${script} });`, passes]);
  expect(await pool.run()).toBe(expected);
  expect(await pool.run()).toBe('pass');
  expect(pool.threads()).toBe(2);
});

test('a limit that the thread itself watches costs no thread', async () => {
  const pool = poolOf([
    `${ready} port.on('message', () => tell({ kind: 'limit', problem: 'steps', isSpent: false }));`,
  ]);
  expect(await pool.run()).toBe('POLICY_LIMIT_EXCEEDED');
  expect(await pool.run()).toBe('POLICY_LIMIT_EXCEEDED');
  expect(pool.threads()).toBe(1);
});

test.each([
  ['ends', 'process.exit(1)'],
  ['throws', `throw new Error('a bug')`],
  ['says nothing', 'setTimeout(() => {}, 60_000)'],
])('a thread that %s before it is ready is told to all who wait, and the next starts afresh', async (_name, script) => {
  const pool = poolOf([script, passes], { startMs: 5_000 });
  expect(await Promise.all([pool.run(), pool.run()])).toEqual([
    'POLICY_ENGINE_UNAVAILABLE',
    'POLICY_ENGINE_UNAVAILABLE',
  ]);
  expect(await pool.run()).toBe('pass');
});

test('a thread that uses much memory is replaced when it has answered', async () => {
  const pool = poolOf([`${ready} port.on('message', () => tell(pass(1_001)));`]);
  for (let n = 0; n < 3; n += 1) expect(await pool.run()).toBe('pass');
  expect(pool.threads()).toBe(3);
});

test('a thread is replaced after so many evaluations', async () => {
  const pool = poolOf([passes]);
  for (let n = 0; n < 25; n += 1) expect(await pool.run()).toBe('pass');
  expect(pool.threads()).toBe(3);
});

test('what cannot be started is told, and tried again', async () => {
  let count = 0;
  const pool = new Pool(() => {
    count += 1;
    return Promise.resolve(unavailable('there is nothing to start'));
  }, settings);
  const signal = AbortSignal.timeout(5_000);
  for (let n = 0; n < 2; n += 1) expect(told(await pool.run(task, signal))).toBe('POLICY_ENGINE_UNAVAILABLE');
  expect(count).toBe(2);
});

test('a thread that cannot even be made is told, and the next task tries again', async () => {
  let isPossible = false;
  const script = `const { parentPort: port } = require('node:worker_threads');
    const tell = (report) => port.postMessage({ report, processorMs: 0 });
    port.on('message', () => tell({ kind: 'evaluated', evaluation: { result: 'pass', message: '' }, memoryBytes: 1 }));
    tell({ kind: 'ready' });`;
  const start = async (): Promise<Result<Worker>> => {
    if (!isPossible) throw new Error('no more threads');
    return ok(new Worker(script, { eval: true }));
  };
  const pool = new Pool(start, settings);
  onTestFinished(() => pool.close());
  expect(told(await pool.run(task, AbortSignal.timeout(5_000)))).toBe('POLICY_ENGINE_UNAVAILABLE');
  isPossible = true;
  expect(told(await pool.run(task, AbortSignal.timeout(5_000)))).toBe('pass');
});

describe('a policy that many ask for', () => {
  /** Answers in the order in which tasks came to the thread. */
  const inTurn = `${ready} port.on('message', ({ policy, input }) => setTimeout(() => tell(pass(1)), 20));`;

  test('does not keep those of another one waiting', async () => {
    const pool = poolOf([inTurn]);
    const order: string[] = [];
    const ask = async (policy: string): Promise<void> => {
      await pool.run({ policy });
      order.push(policy);
    };
    await Promise.all(['a', 'a', 'a', 'a', 'b'].map(ask));
    expect(order.indexOf('b')).toBeLessThan(3);
  });

  test('leaves room for others to wait', async () => {
    const pool = poolOf([inTurn]);
    await pool.run({ policy: 'a' });
    const many = Array.from({ length: 15 }, () => pool.run({ policy: 'a' }));
    expect(await pool.run({ policy: 'b' })).toBe('pass');
    expect((await Promise.all(many)).filter((one) => one === 'OVERLOADED')).toHaveLength(4);
  });
});
