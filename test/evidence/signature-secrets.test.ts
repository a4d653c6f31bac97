import { expect, test } from 'vitest';
import { createEvidenceSource } from '../../src/evidence/gather.ts';
import { digestOf } from '../../src/kernel/digest.ts';
import { ok } from '../../src/kernel/result.ts';
import type { SignatureSource } from '../../src/policy/model.ts';
import type { SignaturesQuestion } from '../../src/policy/question.ts';
import type { Workload } from '../../src/ports/pull-credentials.ts';
import { noLanguages } from '../fakes/policy-code.ts';
import { FakeRegistry } from '../fakes/registry.ts';

const workload: Workload = { namespace: 'team', serviceAccount: 'builder', pullSecrets: ['own'] };

/** As whom signatures are looked for when a policy says this of their source. */
async function readers(source?: SignatureSource): Promise<readonly Workload[]> {
  const asked: Workload[] = [];
  const evidence = createEvidenceSource({
    registry: new FakeRegistry(),
    verifier: {
      verify: async () => {
        throw new Error('there is nothing to verify');
      },
    },
    languages: noLanguages,
    clock: { now: () => new Date(0) },
    pullCredentials: {
      ofWorkload: (of) => {
        asked.push(of);
        return { id: JSON.stringify(of), forHost: async () => ok(undefined) };
      },
    },
    metrics: { cache: () => undefined },
  });
  const question: SignaturesQuestion = {
    kind: 'signatures',
    id: 'question',
    image: { registry: 'registry.example', repository: 'app', digest: digestOf('an image') },
    ...(source === undefined ? {} : { source }),
    trust: { kind: 'key', keys: ['a key'], log: { demand: 'ignored' } },
  };
  await evidence.answer([question], workload, new AbortController().signal);
  return asked;
}

test('signatures are read with what the workload has', async () => {
  expect(await readers()).toEqual([workload]);
  expect(await readers({ oci: 'signatures.example', pullSecrets: [] })).toEqual([workload]);
});

test("secrets that a policy names replace the workload's own and its account's, in its namespace", async () => {
  expect(await readers({ pullSecrets: ['signatures'] })).toEqual([
    { namespace: 'team', serviceAccount: '', pullSecrets: ['signatures'] },
  ]);
});
