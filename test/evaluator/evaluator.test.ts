/** The evaluator beside cosign's own code, which policy-controller calls: the same verdict, and every word of it. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { createPolicyLanguages } from '../../src/adapters/policy-languages/create.ts';
import { digestOf } from '../../src/kernel/digest.ts';
import { hasGo, policyControllerSources } from '../cluster/builds.ts';
import { allCases, type Case } from './cases.ts';
import { evaluateNatively, findNativeEvaluator, type NativeAnswer } from './native.ts';

const languages = createPolicyLanguages();
afterAll(() => languages.close());

const program = await findNativeEvaluator();

interface Told {
  readonly result: string;
  readonly message: string;
}

async function ours({ name, language, policy, input }: Case): Promise<Told> {
  const code = { language, text: policy, hash: digestOf(policy) };
  const answer = await languages.evaluate({ name, code, input }, AbortSignal.timeout(30_000));
  return answer.ok ? answer.value : { result: answer.failure.code, message: answer.failure.message };
}

/** cosign ends with a panic on a member that is no object; here that is a refusal. */
function expected({ result, message }: NativeAnswer): Told {
  return result === 'panic' ? { result: 'fail', message: 'a panic' } : { result, message };
}

const modulesOf = (file: string): ReadonlyMap<string, string> =>
  new Map(
    [...readFileSync(file, 'utf8').matchAll(/^(?:require )?\s*(\S+) (v\S+)/gm)].map((m) => [m[1] ?? '', m[2] ?? '']),
  );

describe('the evaluator', () => {
  test.runIf(program !== undefined)(
    'says of every policy and every input what cosign says',
    async () => {
      const cases = allCases(policyControllerSources());
      const natives = await evaluateNatively(program ?? '', cases);
      const differences: object[] = [];
      const seen = { pass: 0, warn: 0, fail: 0, panic: 0 };
      for (const [index, asked] of cases.entries()) {
        const native = natives[index];
        if (native === undefined) throw new Error('an answer is missing');
        seen[native.result] += 1;
        const [mine, wanted] = [await ours(asked), expected(native)];
        const isSame = mine.result === wanted.result && (native.result === 'panic' || mine.message === wanted.message);
        if (!isSame) differences.push({ asked, mine, native });
      }
      expect(differences).toEqual([]);
      process.stderr.write(`compared with cosign: ${cases.length} pairs, ${JSON.stringify(seen)}\n`);
      expect(cases.length).toBeGreaterThan(2_000);
      expect(Math.min(seen.pass, seen.fail)).toBeGreaterThan(300);
      expect(seen.warn).toBeGreaterThan(10);
    },
    300_000,
  );

  test('is made of the modules, in the versions, that it is compared with', () => {
    const here = import.meta.dirname;
    const native = modulesOf(join(here, 'native', 'go.mod'));
    const evaluator = modulesOf(join(here, '../../src/adapters/policy-languages/go/go.mod'));
    expect(evaluator.size).toBeGreaterThan(40);
    for (const engine of ['cuelang.org/go', 'github.com/open-policy-agent/opa'])
      expect(evaluator.get(engine)).toBe(native.get(engine));
    const differing = [...evaluator].filter(([name, version]) => (native.get(name) ?? version) !== version);
    expect(differing).toEqual([]);
  });

  // Without Go the committed program is still the one whose sha256 is checked whenever it is loaded.
  test.runIf(hasGo())(
    'is what its sources make, byte for byte',
    () => {
      const built = spawnSync(process.execPath, [join(import.meta.dirname, 'build.ts'), '--check'], {
        encoding: 'utf8',
      });
      expect(built.stderr + built.stdout).toContain('as it is');
      expect(built.status).toBe(0);
    },
    600_000,
  );
});
