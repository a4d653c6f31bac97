import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Phase } from '../../src/admission/review.ts';
import { Bench, deployments, pinned, podOf, pods, reviewOf, unsigned, type Sent } from './bench.ts';
import { reviewedKinds as kinds, objectWith, reviewedPlaces as places } from './places.ts';

type Changes = Readonly<Record<string, unknown>>;

const phases: readonly Phase[] = ['mutate', 'validate'];
const app = pinned('a.example/app');
const web = pinned('a.example/web');

/** Nothing is signed here: what is judged is refused. */
async function review(object: unknown, changes: Changes, of: Sent = pods, phase: Phase = 'validate') {
  const bench = new Bench({ facts: () => unsigned });
  const { response } = await bench.review(phase, reviewOf(object, of, changes));
  return { bench, response, decision: bench.decisions[0] };
}

function asksNothing(bench: Bench): void {
  expect({ asked: bench.asked, resolved: bench.resolved }).toStrictEqual({ asked: [], resolved: [] });
}

describe.each(phases)('not judged when asked to %s', (phase) => {
  test.each<[string, Changes, string]>([
    ['a deletion', { operation: 'DELETE', object: null, oldObject: podOf(app) }, 'delete'],
    ['a deletion of many', { operation: 'DELETE', object: null, name: '' }, 'delete'],
    ['exec into a Pod', { operation: 'CONNECT', subResource: 'exec', object: { container: 'c' } }, 'connect'],
    ['a port forward', { operation: 'CONNECT', subResource: 'portforward', object: null }, 'connect'],
    ['a status', { operation: 'UPDATE', subResource: 'status' }, 'subresource-without-images'],
    ['a binding to a node', { operation: 'CREATE', subResource: 'binding' }, 'subresource-without-images'],
    ['an eviction', { operation: 'CREATE', subResource: 'eviction' }, 'subresource-without-images'],
    ['a resize', { operation: 'UPDATE', subResource: 'resize' }, 'subresource-without-images'],
    ['a Pod that stays as it is', { operation: 'UPDATE', oldObject: podOf(app) }, 'images-unchanged'],
    ['a Pod that loses a finalizer', { operation: 'UPDATE', oldObject: podOf(app, web) }, 'images-unchanged'],
    ['a Pod of no image', { object: { spec: {} } }, 'no-image'],
  ])('%s', async (_title, changes, skipped) => {
    const { bench, response, decision } = await review(podOf(app), changes, pods, phase);

    expect(response).toMatchObject({ allowed: true });
    expect(response.patch).toBeUndefined();
    expect(decision).toMatchObject({ verdict: 'skip', skipped });
    asksNothing(bench);
  });

  test.each(kinds)('an update of a $kind of $group that touches no image', async (kind) => {
    const images = Object.fromEntries(kind.places.map((field) => [field, 'a.example/app:1']));
    const before = objectWith({ ...images, 'metadata.labels.a': 'x', 'spec.replicas': 1 });
    const after = objectWith({ ...images, 'metadata.labels.a': 'y', 'spec.replicas': 9 });
    const changes = { operation: 'UPDATE', oldObject: before };
    const of = { ...kind, version: kind.versions[0] ?? '' };

    const { bench, response, decision } = await review(after, changes, of, phase);

    expect(response.allowed).toBe(true);
    expect(decision).toMatchObject({ verdict: 'skip', skipped: 'images-unchanged' });
    asksNothing(bench);
  });

  test('a Scale of a Deployment', async () => {
    const scale = { apiVersion: 'autoscaling/v1', kind: 'Scale', spec: { replicas: 3 } };
    const { response } = await review(scale, { operation: 'UPDATE', subResource: 'scale' }, deployments, phase);

    expect(response.allowed).toBe(true);
  });
});

describe('judged', () => {
  test.each(places)('an update of $kind.$group/$version that changes $field', async (place) => {
    const before = objectWith({ [place.field]: web, 'metadata.name': 'x' });
    const after = objectWith({ [place.field]: app, 'metadata.name': 'x' });

    const { response } = await review(after, { operation: 'UPDATE', oldObject: before }, place);

    expect(response).toMatchObject({
      allowed: false,
      status: { details: { causes: [{ reason: 'SIGNATURE_MISSING', field: place.field }] } },
    });
  });

  test.each<[string, Changes]>([
    ['a creation', {}],
    ['a dry run', { dryRun: true }],
    ['a Pod that its API server will name', { name: '' }],
    ['a Pod in no namespace', { namespace: '' }],
    ['a Pod of the control plane', { namespace: 'kube-system' }],
    ['a Pod of an administrator', { userInfo: { username: 'system:admin', groups: ['system:masters'] } }],
    ['an ephemeral container', { operation: 'UPDATE', subResource: 'ephemeralcontainers', oldObject: podOf() }],
    ['an update of what nobody knows', { operation: 'UPDATE', oldObject: null }],
    ['an update of what makes no sense', { operation: 'UPDATE', oldObject: { spec: { containers: 'x' } } }],
    ['an image that moves to another container', { operation: 'UPDATE', oldObject: podOf(web, app) }],
    ['one container more', { operation: 'UPDATE', oldObject: podOf() }],
    ['a digest in place of a tag', { operation: 'UPDATE', oldObject: podOf('a.example/app:1') }],
    [
      'a Pod that is being deleted',
      { operation: 'UPDATE', oldObject: { ...podOf(web), metadata: { deletionTimestamp: 'x' } } },
    ],
  ])('%s', async (_title, changes) => {
    const { response } = await review(podOf(app), changes);

    expect(response).toMatchObject({ allowed: false, status: { code: 403 } });
  });

  test('only what changes, in a Pod: its other containers run already', async () => {
    const { bench } = await review(podOf(app, web), { operation: 'UPDATE', oldObject: podOf(app, app) });

    expect(bench.asked.map(({ image }) => image.repository)).toStrictEqual(['web']);
  });

  test('everything, in a template of which one image changes: new Pods are made of all of it', async () => {
    const [after, before] = [podOf(app, web), podOf(app, app)].map((template) => ({ spec: { template } }));
    const { bench } = await review(after, { operation: 'UPDATE', oldObject: before }, deployments);

    expect(bench.asked.map(({ image }) => image.repository).toSorted()).toStrictEqual(['app', 'web']);
  });

  test('by the resource that the API server names, whatever the object says that it is', async () => {
    const object = { ...podOf(app), apiVersion: 'v1', kind: 'ConfigMap' };
    const { response } = await review(object, { kind: { group: '', version: 'v1', kind: 'ConfigMap' } });

    expect(response.allowed).toBe(false);
  });

  test('by what an object says in the place of its kind only: a template in a Pod is nothing', async () => {
    const { decision } = await review({ spec: { template: podOf(app) } }, {});

    expect(decision).toMatchObject({ verdict: 'skip', skipped: 'no-image' });
  });
});

describe('refused, because it is not known where its images are', () => {
  test.each<[string, Sent, string]>([
    ['a kind unheard of', { group: 'x.example', version: 'v1', resource: 'runs', kind: 'Run' }, ''],
    ['a ConfigMap', { group: '', version: 'v1', resource: 'configmaps', kind: 'ConfigMap' }, ''],
    ['an older version', { group: 'apps', version: 'v1beta1', resource: 'deployments', kind: 'Deployment' }, ''],
    ['a subresource unheard of', pods, 'becomings'],
    ['a rollback', deployments, 'rollback'],
    ['a status of a kind unheard of', { group: 'x.example', version: 'v1', resource: 'runs', kind: 'Run' }, 'status'],
    ['capitals', pods, 'Status'],
  ])('%s', async (_title, of, subResource) => {
    for (const phase of phases) {
      const { bench, response } = await review(podOf(app), { subResource }, of, phase);

      expect(response).toMatchObject({
        allowed: false,
        status: { code: 500, details: { causes: [{ reason: 'REQUEST_UNSUPPORTED' }] } },
      });
      expect(response.status?.message).toContain(of.resource);
      asksNothing(bench);
    }
  });
});

test('law: an update is not judged exactly when every image stays in its place', async () => {
  const images = fc.array(fc.constantFrom(app, web, 'a.example/app:1', ''), { maxLength: 4 });

  await fc.assert(
    fc.asyncProperty(images, images, async (before, after) => {
      const { decision } = await review(podOf(...after), { operation: 'UPDATE', oldObject: podOf(...before) });

      const stays = after.every((image, index) => before[index] === image);
      expect(decision?.verdict === 'skip').toBe(stays);
    }),
  );
});
