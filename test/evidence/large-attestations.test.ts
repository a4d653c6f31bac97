// Whoever may push attestations and create Pods must not fill the memory of this program with them.
import { expect, test } from 'vitest';
import { createInProcessVerifier } from '../../src/adapters/verification/in-process-verifier.ts';
import { createTurns } from '../../src/evidence/turns.ts';
import {
  answerTo,
  Attestations,
  attested,
  bundled,
  custom,
  demand,
  never,
  outcomes,
  questionOf,
  sourceOf,
  TextLanguages,
  workload,
} from './attestation-kit.ts';

/** Counts what was read and not yet proven. */
class Counted extends Attestations {
  held = 0;
  most = 0;

  override async blob(...args: Parameters<Attestations['blob']>): ReturnType<Attestations['blob']> {
    this.held += 1;
    this.most = Math.max(this.most, this.held);
    await new Promise((resolve) => setTimeout(resolve, 5));
    return super.blob(...args);
  }
}

function sourceThatCounts(registry: Counted) {
  const verifier = createInProcessVerifier();
  return sourceOf(registry, new TextLanguages(), {
    verifier: {
      async verify(...args) {
        await new Promise((resolve) => setTimeout(resolve, 5));
        const fact = await verifier.verify(...args);
        registry.held -= 1;
        return fact;
      },
    },
  });
}

const large = 'x'.repeat(1_100_000);

test.each([
  [
    'bundles',
    (registry: Counted) => registry.addBundles(['a', 'b', 'c'].map((one) => [bundled(custom, { large, one })])),
  ],
  ['layers', (registry: Counted) => registry.addLegacy(['a', 'b', 'c'].map((one) => attested(custom, { large, one })))],
])('of many large %s that many ask for, three are read at a time', async (_name, add) => {
  const registry = new Counted();
  add(registry);
  const source = sourceThatCounts(registry);
  const questions = Array.from({ length: 4 }, () => questionOf([demand(custom)], { everyOne: true }));
  const answers = await Promise.all(questions.map((question) => answerTo(question, source)));
  expect(answers.map(outcomes)).toEqual(questions.map(() => ['0:met', '0:met', '0:met']));
  expect(registry.most).toBeLessThanOrEqual(3);
});

test('small ones wait for nobody', async () => {
  const registry = new Counted();
  registry.addBundles(['a', 'b', 'c'].map((one) => [bundled(custom, { one })]));
  const source = sourceThatCounts(registry);
  const questions = Array.from({ length: 4 }, () => questionOf([demand(custom)], { everyOne: true }));
  await Promise.all(questions.map((question) => answerTo(question, source)));
  expect(registry.most).toBeGreaterThan(3);
});

test('a turn that is not waited for any more is nobody else’s loss', async () => {
  const turns = createTurns(1);
  const first = await turns.begin(new AbortController().signal);
  const impatient = new AbortController();
  const second = turns.begin(impatient.signal);
  const third = turns.begin(new AbortController().signal);
  impatient.abort();
  expect(await second).toBeUndefined();
  first?.();
  first?.();
  const end = await third;
  expect(end).toBeTypeOf('function');
  let isTaken = false;
  void turns.begin(new AbortController().signal).then(() => (isTaken = true));
  await new Promise((resolve) => setTimeout(resolve, 5));
  expect(isTaken).toBe(false);
  end?.();
  await new Promise((resolve) => setTimeout(resolve, 5));
  expect(isTaken).toBe(true);
  expect(await turns.begin(AbortSignal.abort())).toBeUndefined();
});

test.each(['attestations', 'signatures'] as const)(
  'a manifest that is no list of %s but a book is not read',
  async (kind) => {
    const registry = new Counted();
    const content = bundled(custom);
    const mediaType = 'application/vnd.dev.sigstore.bundle.v0.3+json';
    const annotations = { book: 'x'.repeat(300_000) };
    const layer = { mediaType, digest: registry.putBlob(content), size: content.length, annotations };
    registry.refer([layer], { artifactType: mediaType, annotations: {} });
    const { wanted, ...rest } = questionOf([demand(custom)]);
    const question = kind === 'attestations' ? { ...rest, kind, wanted } : { ...rest, kind };
    const answer = (await sourceThatCounts(registry).answer([question], workload, never)).get(question.id);
    expect(answer).toMatchObject({
      ok: true,
      value: [{ code: 'SIGNATURE_MALFORMED', message: expect.stringContaining('more than 262144 allowed') }],
    });
    expect(registry.held).toBe(0);
  },
);
