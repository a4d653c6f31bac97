import * as client from '@kubernetes/client-node';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { findImages, pointerOf, type ImageField } from '../../src/admission/find-images.ts';
import { judgedKind, judgedKinds } from '../../src/admission/judged-kinds.ts';
import { kinds, kindsOfPods, kindsOfTekton, objectWith, pathOf, places, type Place } from './places.ts';

function shapeOf({ group, version, resource }: Pick<Place, 'group' | 'version' | 'resource'>) {
  const kind = judgedKind({ group, version, resource });
  if (kind === undefined) throw new Error(`${resource} of ${group}/${version} is not judged`);
  return kind.images;
}

function imagesIn(place: Pick<Place, 'group' | 'version' | 'resource'>, object: unknown): readonly ImageField[] {
  const found = findImages(shapeOf(place), object);
  if (!found.ok) throw new Error(found.failure.message);
  return found.value;
}

function failureIn(place: Pick<Place, 'group' | 'version' | 'resource'>, object: unknown): unknown {
  const found = findImages(shapeOf(place), object);
  return found.ok ? found.value : found.failure;
}

const pods = { group: '', version: 'v1', resource: 'pods' };
const tasks = { group: 'tekton.dev', version: 'v1', resource: 'tasks' };
const agents = { group: 'kubeopencode.io', version: 'v1alpha1', resource: 'agents' };

describe('every place of every kind', () => {
  test.each(places)('$resource.$group/$version: $field', (place) => {
    const object = objectWith({ 'metadata.name': 'x', [place.field]: 'registry.example/app' });

    expect(imagesIn(place, object)).toStrictEqual([
      { path: pathOf(place.field), field: place.field, text: 'registry.example/app', deferred: false },
    ]);
  });

  test.each(kinds)('all at once: $kind of $group', (kind) => {
    const object = objectWith(Object.fromEntries(kind.places.map((field) => [field, `registry.example/${field}`])));
    const version = kind.versions[0] ?? '';

    const fields = imagesIn({ ...kind, version }, object).map(({ field }) => field);

    expect(fields.toSorted()).toStrictEqual(kind.places.toSorted());
  });

  test('no kind is judged that is not in this table, apart from those that name no image', () => {
    const known = new Set(kinds.map(({ group, resource }) => `${resource}.${group}`));
    const others = judgedKinds.filter(({ group, resource }) => !known.has(`${resource}.${group}`));

    expect(others.map(({ group, resource }) => `${resource}.${group}`)).toStrictEqual([
      'tasks.kubeopencode.io',
      'tasktemplates.kubeopencode.io',
      'tasks.kubetask.io',
    ]);
  });
});

describe('the Kubernetes API', () => {
  /** Every text field under a type of the client library whose path says "image". */
  function textFields(type: string, field: string, within: readonly string[] = []): readonly string[] {
    const item = /^Array<(.*)>$/.exec(type)?.[1];
    if (item !== undefined) return textFields(item, `${field}[0]`, within);
    if (type === 'string') return /image/i.test(field) ? [field] : [];
    // Models are looked up by the name that the library gives them.
    const model = (client as unknown as Record<string, { getAttributeTypeMap?: () => Attribute[] } | undefined>)[type];
    if (within.includes(type)) return [];
    return (model?.getAttributeTypeMap?.() ?? []).flatMap((attribute) =>
      textFields(attribute.type, field === '' ? attribute.baseName : `${field}.${attribute.baseName}`, [
        ...within,
        type,
      ]),
    );
  }

  interface Attribute {
    readonly baseName: string;
    readonly type: string;
  }

  /** Ceph block device images are disks, and the rest names no image. */
  const namesNoContainerImage = /^status\.|\.rbd\.image$|[pP]ullPolicy$|\.imagePullSecrets\[0\]\.name$/;

  test.each(kindsOfPods)('has no place for an image in $kind that is not judged', ({ kind, places: known }) => {
    const fields = textFields(`V1${kind}`, '').filter((field) => !namesNoContainerImage.test(field));

    expect(fields.toSorted()).toStrictEqual(known.toSorted());
  });
});

describe('kinds that are not understood', () => {
  test.each([
    ['another version', { group: 'apps', version: 'v1beta1', resource: 'deployments' }],
    ['another group', { group: 'extensions', version: 'v1', resource: 'deployments' }],
    ['the kind in place of the resource', { group: '', version: 'v1', resource: 'Pod' }],
    ['Tekton before v1beta1', { group: 'tekton.dev', version: 'v1alpha1', resource: 'taskruns' }],
    ['names of Object.prototype', { group: '', version: 'v1', resource: 'constructor' }],
    ['a dot that moves', { group: 'dev', version: 'v1', resource: 'tasks.tekton' }],
  ])('%s', (_title, resource) => {
    expect(judgedKind(resource)).toBeUndefined();
  });
});

describe('odd shapes', () => {
  test.each<[string, unknown, string]>([
    ['containers in an object', { spec: { containers: { a: { image: 'x' } } } }, 'spec.containers is not a list'],
    ['containers as text', { spec: { containers: 'x' } }, 'spec.containers is not a list'],
    ['init containers as number', { spec: { initContainers: 1 } }, 'spec.initContainers is not a list'],
    ['a container that is a text', { spec: { containers: ['x'] } }, 'spec.containers[0] is not an object'],
    ['a container that is a list', { spec: { containers: [[{ image: 'x' }]] } }, 'spec.containers[0] is not an object'],
    ['a spec that is a list', { spec: [{ containers: [{ image: 'x' }] }] }, 'spec is not an object'],
    [
      'a volume image that is a text',
      { spec: { volumes: [{ image: 'x' }] } },
      'spec.volumes[0].image is not an object',
    ],
    ['no object at all', 'x', 'the object is not an object'],
  ])('are refused: %s', (_title, object, message) => {
    expect(failureIn(pods, object)).toStrictEqual({ code: 'REQUEST_MALFORMED', message });
  });

  test.each<[string, unknown]>([
    ['a number', 7],
    ['a list', ['registry.example/app']],
    ['an object', { toString: 'registry.example/app' }],
    ['true', true],
    ['empty', ''],
    ['null', null],
    ['not there', undefined],
  ])('an image that is %s is found, without a name', (_title, value) => {
    expect(imagesIn(pods, { spec: { containers: [{ name: 'c', image: value }] } })).toMatchObject([
      { field: 'spec.containers[0].image', text: '' },
    ]);
  });

  test.each<[string, unknown, number]>([
    ['empty: its default is judged when its Pod is made', '', 0],
    ['not there', undefined, 0],
    ['a number', 7, 1],
    ['an object', {}, 1],
  ])('an optional image that is %s', (_title, value, count) => {
    expect(imagesIn(agents, { spec: { agentImage: value } })).toHaveLength(count);
    expect(imagesIn(tasks, { spec: { steps: [{ image: value }] } })).toHaveLength(count);
  });

  test('null is as good as nothing, as in Go', () => {
    expect(imagesIn(pods, { spec: { containers: null, volumes: [null, { image: null }] } })).toStrictEqual([]);
    expect(imagesIn(pods, { spec: null })).toStrictEqual([]);
  });

  test('pipelines within pipelines have an end', () => {
    const nested = (depth: number): unknown =>
      depth === 0 ? {} : { tasks: [{ taskSpec: { steps: [{ image: 'x' }] }, pipelineSpec: nested(depth - 1) }] };
    const pipelines = { ...tasks, resource: 'pipelines' };

    expect(imagesIn(pipelines, { spec: nested(15) })).toHaveLength(15);
    expect(failureIn(pipelines, { spec: nested(40) })).toMatchObject({ code: 'REQUEST_MALFORMED' });
  });

  test('more images than any object has are refused, not cut off', () => {
    const withContainers = (count: number) => ({
      spec: { containers: Array.from({ length: count }, () => ({ image: 'x' })) },
    });

    expect(imagesIn(pods, withContainers(2_000))).toHaveLength(2_000);
    expect(failureIn(pods, withContainers(2_001))).toMatchObject({ code: 'REQUEST_MALFORMED' });
  });

  test('nothing is thrown, whatever the object is', () => {
    fc.assert(
      fc.property(fc.constantFrom(...judgedKinds), fc.anything(), fc.anything(), (kind, object, spec) => {
        expect(findImages(kind.images, object)).toHaveProperty('ok');
        expect(findImages(kind.images, { spec })).toHaveProperty('ok');
      }),
    );
  });
});

describe('Tekton parameters', () => {
  const deferredPlaces = places.filter(({ resource, group }) =>
    kindsOfTekton.some((kind) => kind.resource === resource && kind.group === group),
  );

  test.each(deferredPlaces.filter(({ field }) => !field.includes('odTemplate')))(
    'are not names yet: $kind $field',
    (place) => {
      expect(imagesIn(place, objectWith({ [place.field]: '$(params.image)' }))).toMatchObject([{ deferred: true }]);
    },
  );

  test.each(places.filter(({ group }) => group !== 'tekton.dev'))(
    'mean nothing elsewhere: $kind $field of $group',
    (place) => {
      expect(imagesIn(place, objectWith({ [place.field]: '$(params.image)' }))).toMatchObject([{ deferred: false }]);
    },
  );
});

test('a pointer escapes what RFC 6901 gives a meaning', () => {
  expect(pointerOf(['spec', 'a/b', 'c~d', 0])).toBe('/spec/a~1b/c~0d/0');
});
