/**
 * The real cosign and we judge the same images by the same keys and identities. Where we mean to differ, it is in
 * intended-differences.ts with the reason.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { asks, asksAbout, type Ask } from './asks.ts';
import { intendedDifferences } from './intended-differences.ts';
import { startLab, type Lab, type LabImage } from './lab.ts';
import { ourAnswer, writePolicies } from './ours.ts';
import { scenes, type Scene } from './scenes.ts';

interface Pair {
  readonly scene: string;
  readonly ask: string;
  readonly cosign: boolean;
  readonly ours: boolean;
  readonly why: string;
}

const lab = await startLab();
const pairs: Pair[] = [];
let policies: ReadonlyMap<string, string> = new Map();

beforeAll(() => {
  if (lab !== undefined) policies = writePolicies(lab, asks);
});
afterAll(async () => {
  await lab?.close();
});

describe.skipIf(lab === undefined)('cosign and we judge alike', () => {
  test.each(scenes)('$name', { timeout: 120_000 }, async (scene) => {
    const judged = lab === undefined ? [] : await judgeAll(lab, scene);
    pairs.push(...judged);
    const differing = judged.filter(({ cosign, ours }) => cosign !== ours).map(describePair);
    const intended = judged.flatMap((pair) => intendedOutcome(pair));
    expect(differing).toEqual(intended.map(describePair));
  });

  test('in enough pairs of either kind for that to mean something', () => {
    const accepted = pairs.filter(({ cosign, ours }) => cosign && ours);
    const refused = pairs.filter(({ cosign, ours }) => !cosign && !ours);
    expect(new Set(pairs.map(({ scene }) => scene)).size).toBe(scenes.length);
    expect(accepted.length).toBeGreaterThan(60);
    expect(refused.length).toBeGreaterThan(400);
  });
});

test('every intended difference is about images and questions that there are', () => {
  const known = new Set([...scenes, ...asks].map(({ name }) => name));
  const named = intendedDifferences.flatMap((difference) => [...difference.scenes, ...difference.asks]);
  expect(named.filter((name) => !known.has(name))).toEqual([]);
});

async function judgeAll(on: Lab, { name, about, prepare }: Scene): Promise<readonly Pair[]> {
  const image = await prepare(on);
  const asked = asksAbout(about);
  const judged: Pair[] = [];
  // A few at a time: each is a process.
  for (let start = 0; start < asked.length; start += atOnce) {
    const some = asked.slice(start, start + atOnce);
    judged.push(...(await Promise.all(some.map((ask) => judgeBoth(on, name, image, ask)))));
  }
  return judged;
}

const atOnce = 3;

async function judgeBoth(on: Lab, scene: string, image: LabImage, ask: Ask): Promise<Pair> {
  const cosign = await on.cosign(['verify', ...ask.cosign(on), image.reference]);
  const ours = await ourAnswer(on, image.reference, ask, policies.get(ask.name) ?? '');
  const why = `cosign ended with ${cosign.code}: ${lastLine(cosign.stderr)} | we: ${ours.why}`;
  return { scene, ask: ask.name, cosign: cosign.code === 0, ours: ours.accepted, why };
}

const lastLine = (text: string): string => text.trim().split('\n').at(-1) ?? '';

/** The pair as it ought to have come out; nothing when no difference is intended. */
function intendedOutcome(pair: Pair): readonly Pair[] {
  const { scene, ask } = pair;
  const intended = intendedDifferences.find((entry) => entry.scenes.includes(scene) && entry.asks.includes(ask));
  if (intended === undefined) return [];
  const ours = intended.we === 'accept';
  return [{ ...pair, ours, cosign: !ours }];
}

function describePair({ ask, ours, why }: Pair): string {
  return `${ask}: we ${ours ? 'accept' : 'refuse'} what cosign ${ours ? 'refuses' : 'accepts'} (${why})`;
}
