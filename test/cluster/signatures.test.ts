import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { createBench, type DemoImage } from '../../src/demo/images/bench.ts';
import { buildDemoImages } from '../../src/demo/images/build-demo-images.ts';
import { demoPolicies } from '../../src/demo/images/demo-policies.ts';
import { startSigstore, type Sigstore } from '../../src/demo/sigstore/sigstore.ts';
import { hasCluster } from './access.ts';
import type { ApiObject } from './gate/api.ts';
import { startGate, type Gate } from './gate/gate.ts';
import { refusal } from './gate/refusal.ts';
import { trustRoot } from './gate/trust-root.ts';
import { pod, podSpec, valueAt } from './gate/workloads.ts';
import { until } from './processes.ts';

describe.runIf(hasCluster)('under ClusterImagePolicies and TrustRoots of the cluster', () => {
  let gate: Gate;
  let sigstore: Sigstore;
  let images: readonly DemoImage[];
  const applied: ApiObject[] = [];

  beforeAll(async () => {
    gate = await startGate();
    sigstore = await startSigstore();
    const bench = createBench(gate.registry, sigstore);
    images = await buildDemoImages(bench);
    await gate.api.remove(gate.policy);
    for (const { name, text } of demoPolicies(bench)) {
      applied.push(...(name.endsWith('.json') ? [trustRoot(name.replace(/\.json$/, ''), text)] : documents(text)));
    }
    for (const object of applied) await gate.api.apply(object);
    const settled = await until(async () => (await verdicts('admit')).every((verdict) => verdict === 'admit'), 20_000);
    if (!settled) throw new Error(`not admitted: ${JSON.stringify(await verdicts('admit'))}`);
  });
  afterAll(async () => {
    for (const object of applied) await gate.api.remove(object);
    await sigstore?.close();
    await gate?.close();
  });

  const trial = ({ reference }: DemoImage): Promise<unknown> =>
    gate.api.create(pod(gate.namespace, 'trial', podSpec(reference)), { dryRun: true });

  /** Of the images for which that verdict is right: what they get. */
  function verdicts(expected: DemoImage['expected']): Promise<readonly string[]> {
    const judged = images.filter((image) => image.expected === expected);
    return Promise.all(judged.map(async (image) => outcome(image)));
  }

  async function outcome(image: DemoImage): Promise<string> {
    try {
      const stored = valueAt(await trial(image), 'spec.containers[0].image');
      return stored === `${image.reference}@${image.digest}` ? 'admit' : `admit as ${String(stored)}`;
    } catch {
      const { code, sentence } = await refusal(trial(image));
      return `${code} ${sentence.split(':')[0]}`;
    }
  }

  test('every image that is signed as demanded is admitted, whatever the format', async () => {
    const verdictsOf = await verdicts('admit');
    expect(verdictsOf.length).toBeGreaterThanOrEqual(8);
    expect(new Set(verdictsOf)).toEqual(new Set(['admit']));
  });

  test('every image that is not is refused for its own reason', async () => {
    const refused = images.filter(({ expected }) => expected === 'refuse');
    const outcomes = await Promise.all(refused.map(async (image) => [image.name, await outcome(image)]));
    expect(outcomes).toEqual(refused.map(({ name, expectedCode }) => [name, `403 ${expectedCode}`]));
  });
});

function documents(yaml: string): readonly ApiObject[] {
  return parseAllDocuments(yaml).map((document): ApiObject => document.toJS());
}
