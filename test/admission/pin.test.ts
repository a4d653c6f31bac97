import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { imagesAnnotation } from '../../src/admission/hold-run.ts';
import { failure } from '../../src/kernel/failure.ts';
import { fail } from '../../src/kernel/result.ts';
import { asRecord } from '../../src/kernel/strict-json.ts';
import {
  Bench,
  byKey,
  deployments,
  digestFor,
  everythingSigned,
  fails,
  passes,
  patched,
  pinned,
  podOf,
  pods,
  policy,
  reviewOf,
  snapshotOf,
  type World,
} from './bench.ts';
import { reviewedKinds as kinds, objectWith, reviewedPlaces as places } from './places.ts';

async function mutate(object: unknown, of = pods, world: World = {}, changes = {}) {
  const bench = new Bench(world);
  const { response } = await bench.review('mutate', reviewOf(object, of, changes));
  const stored = patched(object, response.patch);
  return { bench, response, stored, result: unheld(stored, object) };
}

/** Without what a run is told of its own images, which hold-run.test.ts is about. */
function unheld(stored: unknown, sent: unknown): unknown {
  const object = structuredClone(asRecord(stored));
  const metadata = asRecord(object?.['metadata']);
  const { [imagesAnnotation]: _held, ...others } = asRecord(metadata?.['annotations']) ?? {};
  if (object === undefined || _held === undefined) return stored;
  const hadAny = asRecord(asRecord(sent)?.['metadata'])?.['annotations'] !== undefined;
  const { annotations: _all, ...rest } = metadata ?? {};
  const { metadata: _metadata, ...without } = object;
  if (hadAny) return { ...object, metadata: { ...metadata, annotations: others } };
  return asRecord(sent)?.['metadata'] === undefined ? without : { ...object, metadata: rest };
}

describe('a tag becomes a digest', () => {
  test.each(places)('at $kind.$group/$version: $field', async (place) => {
    const object = objectWith({ 'metadata.name': 'x', [place.field]: 'registry.example/app:1' });

    const { response, result } = await mutate(object, place);

    expect(response).toMatchObject({ allowed: true, patchType: 'JSONPatch' });
    expect(result).toStrictEqual(
      objectWith({ 'metadata.name': 'x', [place.field]: pinned('registry.example/app', '1') }),
    );
  });

  test.each([
    ['keeps its tag', 'registry.example/app:v1.2', pinned('registry.example/app', 'v1.2')],
    ['implies latest', 'registry.example/app', pinned('registry.example/app', 'latest')],
    ['is fully qualified', 'nginx:1', pinned('index.docker.io/library/nginx', '1')],
    ['is of the one Docker Hub', 'docker.io/org/app:1', pinned('index.docker.io/org/app', '1')],
    ['is not a port', 'localhost:5000/app:1', pinned('localhost:5000/app', '1')],
  ])('and %s', async (_title, before, after) => {
    expect((await mutate(podOf(before))).result).toStrictEqual(podOf(after));
  });

  test('once per image, in every place of it', async () => {
    const { bench, result } = await mutate(podOf('a.example/app:1', 'a.example/web:1', 'a.example/app:1'));

    const [x, y] = [pinned('a.example/app', '1'), pinned('a.example/web', '1')];
    expect(result).toStrictEqual(podOf(x, y, x));
    expect(bench.resolved.toSorted()).toStrictEqual(['a.example/app', 'a.example/web']);
  });

  test('on updates too, where one image changed', async () => {
    const before = { spec: { template: podOf('a.example/app:1') } };
    const after = { spec: { template: podOf('a.example/app:2') } };
    const { result } = await mutate(after, deployments, {}, { operation: 'UPDATE', oldObject: before });

    expect(result).toStrictEqual({ spec: { template: podOf(pinned('a.example/app', '2')) } });
  });

  test('and the decision record says which', async () => {
    const { bench } = await mutate(podOf('a.example/app:1'));

    expect(bench.decisions).toMatchObject([
      {
        phase: 'mutate',
        verdict: 'admit',
        images: [{ field: 'spec.containers[0].image', image: 'a.example/app:1', digest: digestFor('a.example/app') }],
      },
    ]);
  });
});

describe('left alone is', () => {
  test.each<[string, string, World]>([
    ['what has a digest', pinned('a.example/app'), {}],
    ['what has a tag and a digest', pinned('a.example/app', '1'), {}],
    ['what is no image name', 'A.example//x', {}],
    ['what no policy matches', 'a.example/app:1', { policies: snapshotOf([policy('p', 'b.example/**')]) }],
    ['what no policy matches and may run', 'a.example/app:1', { policies: snapshotOf([], 'allow') }],
    [
      'what passes whatever it is',
      'a.example/app:1',
      { policies: snapshotOf([policy('p', '**', { authorities: [passes] })]) },
    ],
    [
      'what fails whatever it is',
      'a.example/app:1',
      { policies: snapshotOf([policy('p', '**', { authorities: [fails] })]) },
    ],
    [
      'what passes anyway',
      'a.example/app:1',
      { policies: snapshotOf([policy('p', '**', { authorities: [byKey, passes] })]) },
    ],
  ])('%s, without a question to any registry', async (_title, image, world) => {
    const { bench, response } = await mutate(podOf(image), pods, world);

    expect(response).toMatchObject({ allowed: true });
    expect(response.patch).toBeUndefined();
    expect(bench.resolved).toStrictEqual([]);
    expect(bench.decisions).toMatchObject([{ verdict: 'skip', skipped: 'nothing-pinned' }]);
  });

  test('what cannot be resolved, while the rest is pinned', async () => {
    const resolve = (repository: string) =>
      repository === 'a.example/gone'
        ? fail(failure('IMAGE_NOT_FOUND', 'there is no such tag'))
        : { ok: true as const, value: digestFor(repository) };
    const { result } = await mutate(podOf('a.example/gone:1', 'a.example/app:1'), pods, { resolve });

    expect(result).toStrictEqual(podOf('a.example/gone:1', pinned('a.example/app', '1')));
  });

  test('a Tekton parameter', async () => {
    const object = { spec: { taskSpec: { steps: [{ image: '$(params.image)' }, { image: 'a.example/app:1' }] } } };
    const taskRuns = { group: 'tekton.dev', version: 'v1', resource: 'taskruns', kind: 'TaskRun' };

    expect((await mutate(object, taskRuns)).result).toStrictEqual({
      spec: { taskSpec: { steps: [{ image: '$(params.image)' }, { image: pinned('a.example/app', '1') }] } },
    });
  });
});

test('mutating decides nothing: an image without a signature is pinned, and no signature is asked for', async () => {
  const { bench, response } = await mutate(podOf('a.example/app:1'), pods, { policies: everythingSigned });

  expect(response.allowed).toBe(true);
  expect(bench.asked).toStrictEqual([]);
});

test('whose pull secrets: those of the Pod that comes of it', async () => {
  const template = {
    spec: {
      serviceAccountName: 'builder',
      imagePullSecrets: [{ name: 'one' }, {}, { name: '' }],
      containers: [{ image: 'a.example/app' }],
    },
  };
  const { bench } = await mutate({ spec: { template } }, deployments);

  expect(bench.workloads).toStrictEqual([{ namespace: 'team', serviceAccount: 'builder', pullSecrets: ['one'] }]);
});

describe('laws', () => {
  const image = fc.oneof(
    fc.constantFrom(
      'a.example/app:1',
      'a.example/app',
      'nginx',
      pinned('a.example/app', '1'),
      '',
      'UPPER',
      'b.example/web:2',
    ),
    fc.string(),
    fc.constant(undefined),
    fc.integer(),
  );
  const objects = fc.constantFrom(...kinds).chain((kind) =>
    fc.record({
      of: fc.constant({ ...kind, version: kind.versions[0] ?? '' }),
      object: fc
        .tuple(fc.tuple(...kind.places.map(() => image)), fc.dictionary(fc.string(), fc.jsonValue()))
        .map(([images, annotations]) => ({
          ...objectWith(Object.fromEntries(kind.places.map((field, index) => [field, images[index]]))),
          metadata: { annotations },
        })),
    }),
  );

  /** Every text at an image's place, and the object without them. */
  function apart(object: unknown, fields: readonly string[]) {
    const kind = structuredClone(object);
    const images = fields.map((field) => {
      const steps = field.split(/\.|\[0\]\.?/).filter((step) => step !== '');
      let at = kind as Record<string, unknown>;
      for (const step of steps.slice(0, -1)) {
        const next = at[step];
        at = (Array.isArray(next) ? next[0] : next) as Record<string, unknown>;
      }
      const last = steps.at(-1) ?? '';
      const text = at[last];
      delete at[last];
      return text;
    });
    return { images, rest: kind };
  }

  test('a patch changes images and nothing else, and only by giving them a digest', async () => {
    await fc.assert(
      fc.asyncProperty(objects, async ({ of, object }) => {
        const { result } = await mutate(object, of);
        const before = apart(object, of.places);
        const after = apart(result, of.places);

        expect(after.rest).toStrictEqual(before.rest);
        const changed = after.images.filter((text, index) => text !== before.images[index]);
        for (const text of changed) expect(text).toMatch(/^[^@]+:[^@/]+@sha256:[0-9a-f]{64}$/);
      }),
      { numRuns: 200 },
    );
  });

  test('what is pinned stays as it is when it comes again', async () => {
    await fc.assert(
      fc.asyncProperty(objects, async ({ of, object }) => {
        const { stored } = await mutate(object, of);

        // What is cloned and what is spread have other prototypes.
        expect((await mutate(stored, of)).stored).toEqual(stored);
      }),
      { numRuns: 100 },
    );
  });
});
