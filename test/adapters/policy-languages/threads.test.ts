/** Threads that end, callers that give up, and engines that cannot be loaded. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync } from 'node:zlib';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import {
  createPolicyLanguages,
  type ClosablePolicyLanguages,
  type LanguageSettings,
} from '../../../src/adapters/policy-languages/create.ts';
import { digestOf, hexOf } from '../../../src/kernel/digest.ts';
import { ask, told, type Asked } from './evaluate.ts';

function started(settings: LanguageSettings): ClosablePolicyLanguages {
  const languages = createPolicyLanguages(settings);
  onTestFinished(() => languages.close());
  return languages;
}

vi.setConfig({ testTimeout: 60_000 });

const good: Asked = { language: 'cue', text: 'a: 1' };
const goodCel: Asked = { language: 'cel', text: 'a == 1' };
const endless: Asked = {
  language: 'rego',
  text: 'package sigstore\nn := numbers.range(1, 100000)\nisCompliant { some i, j; n[i] + n[j] < 0 }',
};

describe('a caller that gives up', () => {
  test('before it begins, is told at once', async () => {
    const languages = started({});
    expect(told(await ask(languages, good, AbortSignal.abort()))).toBe('DEADLINE_EXCEEDED');
  });

  test('while the code runs, is told at once, and the code is stopped', async () => {
    const languages = started({ threads: 1, timeoutMs: 20_000 });
    await ask(languages, good);
    expect(told(await ask(languages, endless, AbortSignal.timeout(200)))).toBe('DEADLINE_EXCEEDED');
    // With the one thread still at work this would wait for 20 seconds of the processor.
    expect(told(await ask(languages, good, AbortSignal.timeout(15_000)))).toBe('pass');
  });

  test('while it waits, does not disturb the others', async () => {
    const languages = started({ threads: 1, timeoutMs: 500 });
    await ask(languages, good);
    const answers = await Promise.all([
      ask(languages, endless),
      ask(languages, good, AbortSignal.timeout(50)),
      ask(languages, good),
    ]);
    expect(answers.map(told)).toEqual(['POLICY_LIMIT_EXCEEDED', 'DEADLINE_EXCEEDED', 'pass']);
  });

  test('while the engine is loaded, is told at once', async () => {
    const languages = started({});
    let isLoaded = false;
    const patient = ask(languages, good).finally(() => (isLoaded = true));
    expect(told(await ask(languages, good, AbortSignal.timeout(5)))).toBe('DEADLINE_EXCEEDED');
    expect(isLoaded).toBe(false);
    expect(told(await patient)).toBe('pass');
  });
});

describe('many at a time', () => {
  test('wait for their turn, and each has its own answer', async () => {
    const languages = started({});
    const asked = Array.from({ length: 100 }, (_, n): Asked => ({ ...good, input: `{"a":${n % 2}}` }));
    const answers = await Promise.all(asked.map((one) => ask(languages, one)));
    expect(answers.map((answer) => told(answer).slice(0, 4))).toEqual(
      asked.map((_, n) => (n % 2 === 1 ? 'pass' : 'fail')),
    );
  });

  test('are refused past the bound, with a time after which to try again', async () => {
    const languages = started({ threads: 1, maxWaiting: 3 });
    const answers = await Promise.all(Array.from({ length: 6 }, () => ask(languages, good)));
    expect(answers.map(told)).toEqual(['pass', 'pass', 'pass', 'OVERLOADED', 'OVERLOADED', 'OVERLOADED']);
    expect(answers[5]).toMatchObject({ failure: { retryAfterSeconds: 1 } });
  });

  test('a bomb in one thread leaves the other to the rest', async () => {
    const languages = started({ timeoutMs: 1_500 });
    await Promise.all([ask(languages, good), ask(languages, good)]);
    const bomb = ask(languages, endless);
    const first = Promise.race([
      bomb,
      (async () => {
        for (let n = 0; n < 20; n += 1) expect(told(await ask(languages, good))).toBe('pass');
        return 'the others';
      })(),
    ]);
    expect(await first).toBe('the others');
    expect(told(await bomb)).toBe('POLICY_LIMIT_EXCEEDED');
  });
});

describe('threads', () => {
  test('are replaced after so many evaluations', async () => {
    const languages = started({ threads: 1, recycleAfter: 2 });
    for (let n = 0; n < 7; n += 1) {
      expect(told(await ask(languages, good))).toBe('pass');
      expect(told(await ask(languages, goodCel))).toBe('pass');
    }
  });

  test('that run out of memory are replaced, whatever waits', async () => {
    const languages = started({ threads: 1 });
    const large: Asked = { language: 'cue', text: 'import "strings"\nx: strings.Repeat("aaaaaaaaaa", 200000000)' };
    const answers = await Promise.all([large, good, large, good].map((asked) => ask(languages, asked)));
    expect(answers.map(told)).toEqual(['POLICY_LIMIT_EXCEEDED', 'pass', 'POLICY_LIMIT_EXCEEDED', 'pass']);
  });

  test('do not keep a process that has nothing else to do', () => {
    const create = join(import.meta.dirname, '../../../src/adapters/policy-languages/create.ts');
    const script = `
      const { createPolicyLanguages } = await import(${JSON.stringify(create)});
      const languages = createPolicyLanguages();
      for (const [language, text] of [['cue', 'a: 1'], ['cel', 'a == 1']]) {
        const answer = await languages.evaluate({ name: 'n', code: { language, text, hash: '' }, input: '{"a":1}' }, new AbortController().signal);
        console.log(answer.value.result);
      }`;
    const ran = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      encoding: 'utf8',
      timeout: 55_000,
    });
    expect(ran).toMatchObject({ status: 0, stdout: 'pass\npass\n', stderr: '' });
  });
});

describe('close', () => {
  test('tells whoever waits, and what comes later', async () => {
    const languages = started({ threads: 1 });
    await ask(languages, good);
    const waiting = [ask(languages, endless), ask(languages, good)];
    await languages.close();
    expect((await Promise.all(waiting)).map(told)).toEqual(['POLICY_ENGINE_UNAVAILABLE', 'POLICY_ENGINE_UNAVAILABLE']);
    expect(told(await ask(languages, good))).toBe('POLICY_ENGINE_UNAVAILABLE');
    await languages.close();
  });

  test('while the engine is loaded', async () => {
    const languages = started({});
    const waiting = ask(languages, good);
    await languages.close();
    expect(told(await waiting)).toBe('POLICY_ENGINE_UNAVAILABLE');
  });
});

describe('an engine', () => {
  const file = (bytes: Uint8Array): string => {
    const folder = mkdtempSync(join(tmpdir(), 'countersign-engine-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const path = join(folder, 'evaluator.wasm.br');
    writeFileSync(path, bytes);
    return path;
  };
  const noProgram = Buffer.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);
  test.each([
    ['that is not there', () => '/nowhere/evaluator.wasm.br', 'ENOENT'],
    ['that is another', () => file(brotliCompressSync('other')), 'its sha256 is '],
    ['that is not packed', () => file(noProgram), 'ecompression failed'],
    ['that is too large', () => file(brotliCompressSync(Buffer.alloc(130 << 20))), 'Cannot create a Buffer larger'],
    ['that is no program', () => file(brotliCompressSync(noProgram)), 'no memory section'],
  ])('%s cannot be used, CEL can', async (_name, path, reason) => {
    const languages = started({ program: { file: path(), sha256: hexOf(digestOf(noProgram)) } });
    for (let n = 0; n < 2; n += 1) {
      const answer = await ask(languages, good);
      expect(told(answer)).toBe('POLICY_ENGINE_UNAVAILABLE');
      expect(answer.ok ? '' : answer.failure.message).toContain(reason);
    }
    expect(told(await ask(languages, goodCel))).toBe('pass');
  });
});
