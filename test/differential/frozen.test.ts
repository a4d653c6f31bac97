/** What the real cosign signed and judged on the day of test/fixtures/make-cosign.ts, judged by us today. */
import { mkdtempSync, readFileSync, copyFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startRegistry, type DemoRegistry } from '../../src/demo/registry/serve.ts';
import { asks, type Ask } from './asks.ts';
import { frozenFolder, readFrozen, thaw, type FrozenImage } from './frozen.ts';
import { ourAnswer, writePolicies, type Place } from './ours.ts';
import { differences, intended, type Pair } from './pair.ts';

const images = readFrozen();
const folder = mkdtempSync(join(tmpdir(), 'countersign-frozen-'));
let registry: DemoRegistry;
let place: Place;
let policies: ReadonlyMap<string, string>;

beforeAll(async () => {
  registry = await startRegistry({ referrersApi: false });
  for (const image of images) thaw(registry, image);
  for (const root of ['root.json', 'root-without-log.json']) copyFileSync(join(frozenFolder, root), join(folder, root));
  place = {
    file: (name) => join(folder, name),
    publicKeyPem: (name) => readFileSync(join(frozenFolder, `${name}.pub`), 'utf8'),
  };
  policies = writePolicies(place, asks);
});
afterAll(async () => {
  await registry.close();
  rmSync(folder, { recursive: true });
});

test.each(images)('as cosign did, but for what we mean to do otherwise: $scene', async (image) => {
  const asked = asks.filter(({ name }) => image.accepted.includes(name) || image.refused.includes(name));
  const pairs = await Promise.all(asked.map((ask) => judgeFrozen(image, ask)));
  expect(pairs.length).toBe(image.accepted.length + image.refused.length);
  expect(differences(pairs)).toEqual(intended(pairs));
});

async function judgeFrozen({ scene, digest, accepted }: FrozenImage, ask: Ask): Promise<Pair> {
  const ours = await ourAnswer(place, `${registry.host}/${scene}@${digest}`, ask, policies.get(ask.name) ?? '');
  return { scene, ask: ask.name, cosign: accepted.includes(ask.name), ours: ours.accepted, why: ours.why };
}
