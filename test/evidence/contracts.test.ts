/** How often contracts are looked for: the rest of finding them is in contract-of-image.test.ts. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createOciRegistry } from '../../src/adapters/registry/oci-registry.ts';
import { createInProcessVerifier } from '../../src/adapters/verification/in-process-verifier.ts';
import { attachBundles, imageStatement, signBundle } from '../../src/demo/images/bundle.ts';
import { newSigningKey } from '../../src/demo/images/signing-key.ts';
import { delayed, status } from '../../src/demo/registry/faults.ts';
import { startRegistry, type DemoRegistry } from '../../src/demo/registry/serve.ts';
import { createEvidenceSource } from '../../src/evidence/gather.ts';
import type { EvidenceSource } from '../../src/evidence/evidence-source.ts';
import { digestOf } from '../../src/kernel/digest.ts';
import { ok } from '../../src/kernel/result.ts';
import type { PinnedImage } from '../../src/policy/question.ts';
import {
  contractEntry,
  contractText,
  gzipLayer,
  labelled,
  push,
  repository,
  type LayeredImage,
} from './layered-images.ts';
import { noLanguages } from '../fakes/policy-code.ts';

interface Bench {
  readonly registry: DemoRegistry;
  readonly evidence: EvidenceSource;
  readonly cached: string[];
  push(image: LayeredImage): PinnedImage;
  contract(image: PinnedImage, namespace?: string, ms?: number): ReturnType<EvidenceSource['contract']>;
}

async function open(): Promise<Bench> {
  const registry = await startRegistry();
  const metrics = { registryRequest: () => undefined };
  const client = createOciRegistry({ insecure: [registry.host], ca: new Map(), metrics });
  onTestFinished(async () => {
    await client.close();
    await registry.close();
  });
  const cached: string[] = [];
  const evidence = createEvidenceSource({
    registry: client,
    verifier: createInProcessVerifier(),
    languages: noLanguages,
    clock: { now: () => new Date() },
    pullCredentials: { ofWorkload: ({ namespace }) => ({ id: namespace, forHost: async () => ok(undefined) }) },
    metrics: { cache: (name, outcome) => void cached.push(`${name} ${outcome}`) },
  });
  return {
    registry,
    evidence,
    cached,
    push: (image) => ({ registry: registry.host, repository, digest: push(registry, image).digest }),
    contract(image, namespace = 'default', ms = 5_000) {
      const workload = { namespace, serviceAccount: 'default', pullSecrets: [] };
      return evidence.contract(image, workload, AbortSignal.timeout(ms));
    },
  };
}

const found = { ok: true, value: { name: 'git-clone' } };

describe('an answer about the image is kept for everybody', () => {
  test.each<[string, LayeredImage, object]>([
    ['a contract', labelled(), found],
    ['none', { layers: [gzipLayer()] }, { ok: true, value: undefined }],
    ['one that is not valid', labelled('kind: Pod'), { ok: false, failure: { code: 'CONTRACT_INVALID' } }],
    [
      'a layer that is not valid',
      { layers: [{ mediaType: 'text/plain', bytes: Buffer.from('x') }] },
      { ok: false, failure: { code: 'CONTRACT_INVALID' } },
    ],
  ])('%s', async (_name, image, answer) => {
    const bench = await open();
    const pushed = bench.push(image);
    expect(await bench.contract(pushed)).toMatchObject(answer);
    const { total } = bench.registry.requests();
    expect(await bench.contract(pushed)).toMatchObject(answer);
    expect(await bench.contract({ ...pushed, repository: 'copy' }, 'another-namespace')).toMatchObject(answer);
    expect(bench.registry.requests().total).toBe(total);
    expect(bench.cached).toEqual(['contract miss', 'contract hit', 'contract hit']);
  });
});

describe('one look-up', () => {
  test('serves all who ask at once', async () => {
    const bench = await open();
    const pushed = bench.push(labelled());
    bench.registry.inject(/blobs/, delayed(50));
    const answers = await Promise.all(Array.from({ length: 20 }, () => bench.contract(pushed)));
    expect(answers).toMatchObject(Array.from({ length: 20 }, () => found));
    expect(bench.registry.requests().total).toBe(2);
  });

  test('goes on for the next request when the first one has no more time', async () => {
    const bench = await open();
    const pushed = bench.push(labelled());
    bench.registry.inject(/blobs/, delayed(200));
    expect(await bench.contract(pushed, 'default', 50)).toMatchObject({
      ok: false,
      failure: { code: 'DEADLINE_EXCEEDED' },
    });
    expect(await bench.contract(pushed)).toMatchObject(found);
    expect(bench.registry.requests().total).toBe(2);
  });
});

test('of many layers a few are read at a time, and all in the end', async () => {
  const bench = await open();
  const images = Array.from({ length: 12 }, (_, at) =>
    bench.push({ layers: [gzipLayer({ name: `f${at}` }, contractEntry())] }),
  );
  let [now, most] = [0, 0];
  const configuration = digestOf(JSON.stringify({ config: {} }));
  bench.registry.inject(new RegExp(`blobs/(?!${configuration})`), async (_request, response, answer) => {
    response.once('close', () => (now -= 1));
    now += 1;
    most = Math.max(most, now);
    await sleep(20);
    await answer();
  });
  const answers = await Promise.all(images.map((image) => bench.contract(image)));
  expect(answers).toMatchObject(images.map(() => found));
  expect(most).toBe(4);
});

describe('what a registry could not say', () => {
  const denied = { ok: false, failure: { code: 'REGISTRY_DENIED' } };

  test('is not what it says to other credentials', async () => {
    const bench = await open();
    const pushed = bench.push(labelled());
    bench.registry.inject(/manifests/, status(403), 1);
    expect(await bench.contract(pushed, 'poor')).toMatchObject(denied);
    expect(await bench.contract(pushed, 'rich')).toMatchObject(found);
    // Proven by its digest, so it may be known to everybody whose image passed.
    expect(await bench.contract(pushed, 'poor')).toMatchObject(found);
  });

  test('is asked again after a second, and not before', async () => {
    const bench = await open();
    const pushed = bench.push(labelled());
    bench.registry.inject(/manifests/, status(403), 1);
    expect(await bench.contract(pushed)).toMatchObject(denied);
    expect(await bench.contract(pushed)).toMatchObject(denied);
    expect(bench.registry.requests().total).toBe(1);
    await sleep(1_050);
    expect(await bench.contract(pushed)).toMatchObject(found);
  });
});

test('beside the signature a contract costs two requests, once', async () => {
  const bench = await open();
  const { registry, evidence } = bench;
  const key = newSigningKey();
  const size = push(registry, labelled(contractText())).size;
  const image = bench.push(labelled(contractText()));
  attachBundles(registry, { ...image, size }, [signBundle(imageStatement(image.digest), key)]);
  const workload = { namespace: 'default', serviceAccount: 'default', pullSecrets: [] };
  const trust = { kind: 'key', keys: [key.publicKeyPem], log: { demand: 'ignored' } } as const;
  const admit = async (): Promise<number> => {
    const answers = await evidence.answer(
      [{ kind: 'signatures', id: 'q', image, trust }],
      workload,
      AbortSignal.timeout(5_000),
    );
    expect(answers.get('q')).toMatchObject({ ok: true, value: [{ verified: true }] });
    const verification = registry.requests().total;
    expect(await bench.contract(image)).toMatchObject(found);
    return registry.requests().total - verification;
  };
  expect(await admit()).toBe(2);
  const { total } = registry.requests();
  expect(await admit()).toBe(0);
  expect(registry.requests().total).toBe(total);
});
