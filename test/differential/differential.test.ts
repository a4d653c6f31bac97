/**
 * The real cosign and we judge the same images by the same keys and identities. Where we mean to differ, it is in
 * intended-differences.ts with the reason.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { asks } from './asks.ts';
import { intendedDifferences } from './intended-differences.ts';
import { judgeAll } from './judge-both.ts';
import { startLab } from './lab.ts';
import { writePolicies } from './ours.ts';
import { differences, intended, type Pair } from './pair.ts';
import { scenes } from './scenes.ts';

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
    const judged = lab === undefined ? [] : await judgeAll(lab, scene, await scene.prepare(lab), policies);
    pairs.push(...judged);
    expect(differences(judged)).toEqual(intended(judged));
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
