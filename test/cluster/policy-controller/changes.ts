/** Changes of what is there, and images in other places: what policy-controller does not look at is a documented difference. */
import { ApiException } from '@kubernetes/client-node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { differences } from '../../policy/known-differences.ts';
import { pathOf, type ApiObject } from '../gate/api.ts';
import { deployment, pod, podSpec } from '../gate/workloads.ts';
import type { Both, Side } from './both.ts';
import type { ImageName } from './images.ts';
import { policyCases } from './policies.ts';

type Verdict = 'admitted' | 'refused';

interface Change {
  readonly name: string;
  /** What is tried; it is not stored. */
  readonly attempt: (both: Both, namespace: string, image: (name: ImageName) => string) => Promise<unknown>;
  readonly verdicts: Readonly<Record<Side, Verdict>>;
  /** Where the verdicts differ. */
  readonly difference?: string;
}

const same = (verdict: Verdict): Change['verdicts'] => ({ 'policy-controller': verdict, countersign: verdict });
const otherwise = (theirs: Verdict, ours: Verdict): Change['verdicts'] => ({
  'policy-controller': theirs,
  countersign: ours,
});

/** Both are in each namespace, with an image that is signed. */
const stored = (namespace: string, image: string): readonly ApiObject[] => [
  pod(namespace, 'there', podSpec(image)),
  deployment(namespace, 'there', 2, podSpec(image)),
];

const changeDeployment =
  (spec: (image: (name: ImageName) => string) => object): Change['attempt'] =>
  ({ api }, namespace, image) =>
    api.mergeAt(`${pathOf(deployment(namespace, 'there', 2, {}))}?dryRun=All`, { spec: spec(image) });

const changePod =
  (subresource: string, change: (image: (name: ImageName) => string) => object): Change['attempt'] =>
  ({ api }, namespace, image) =>
    api.mergeAt(`${pathOf(pod(namespace, 'there', {}))}${subresource}?dryRun=All`, change(image));

const create =
  (object: (namespace: string, image: (name: ImageName) => string) => ApiObject): Change['attempt'] =>
  ({ api }, namespace, image) =>
    api.create(object(namespace, image), { dryRun: true });

const templateOf = (image: string): object => ({ template: { spec: { containers: [{ name: 'main', image }] } } });
const debugger_ = (image: string): object => ({ spec: { ephemeralContainers: [{ name: 'debug', image }] } });
const byTag = (image: string): string => image.replace(/@.*/, ':v1');

const changes: readonly Change[] = [
  {
    name: 'a Deployment gets an image that is not signed',
    attempt: changeDeployment((image) => templateOf(image('unsigned'))),
    verdicts: same('refused'),
  },
  {
    name: 'a Deployment gets another image that is signed',
    attempt: changeDeployment((image) => templateOf(image('key-logged'))),
    verdicts: same('admitted'),
  },
  {
    name: 'a Deployment is scaled up',
    attempt: changeDeployment(() => ({ replicas: 3 })),
    verdicts: same('admitted'),
  },
  {
    name: 'a Deployment is scaled up and gets an image that is not signed',
    attempt: changeDeployment((image) => ({ replicas: 3, ...templateOf(image('unsigned')) })),
    verdicts: same('refused'),
  },
  {
    name: 'a Deployment is scaled down and gets an image that is not signed',
    attempt: changeDeployment((image) => ({ replicas: 1, ...templateOf(image('unsigned')) })),
    verdicts: otherwise('admitted', 'refused'),
    difference: 'scale-down',
  },
  {
    name: 'a Pod gets an ephemeral container that is signed',
    attempt: changePod('/ephemeralcontainers', (image) => debugger_(image('key'))),
    verdicts: same('admitted'),
  },
  {
    name: 'a Pod gets an ephemeral container that is not signed',
    attempt: changePod('/ephemeralcontainers', (image) => debugger_(image('unsigned'))),
    verdicts: same('refused'),
  },
  {
    name: 'a Pod gets an ephemeral container by tag that is signed',
    attempt: changePod('/ephemeralcontainers', (image) => debugger_(byTag(image('key')))),
    verdicts: otherwise('refused', 'admitted'),
    difference: 'ephemeral-containers-pinned',
  },
  {
    name: 'an init container is not signed',
    attempt: create((namespace, image) =>
      pod(namespace, 'new', {
        ...podSpec(image('key')),
        initContainers: [{ name: 'first', image: image('unsigned') }],
      }),
    ),
    verdicts: same('refused'),
  },
  {
    name: 'one of two containers is not signed',
    attempt: create((namespace, image) =>
      pod(namespace, 'new', {
        containers: [
          { name: 'a', image: image('key') },
          { name: 'b', image: image('unsigned') },
        ],
      }),
    ),
    verdicts: same('refused'),
  },
  {
    name: 'an image volume is not signed',
    attempt: create((namespace, image) =>
      pod(namespace, 'new', {
        ...podSpec(image('key')),
        volumes: [{ name: 'data', image: { reference: image('unsigned') } }],
      }),
    ),
    verdicts: otherwise('admitted', 'refused'),
    difference: 'more-places',
  },
  {
    name: 'a ReplicationController has an image that is not signed',
    attempt: create((namespace, image) => ({
      apiVersion: 'v1',
      kind: 'ReplicationController',
      metadata: { namespace, name: 'new' },
      spec: {
        selector: { app: 'new' },
        template: { metadata: { labels: { app: 'new' } }, spec: podSpec(image('unsigned')) },
      },
    })),
    verdicts: otherwise('admitted', 'refused'),
    difference: 'more-places',
  },
];

/** To be called where suites are declared. */
export function describeChanges(both: () => Both): void {
  describe('changes', () => {
    const policy = policyCases.find(({ name }) => name === 'key');
    const image = (name: ImageName): string => {
      if (policy === undefined) throw new Error('there is no such policy');
      return both().imageOf(policy, name);
    };
    const objects = (): readonly ApiObject[] =>
      Object.values(both().namespaces).flatMap((namespace) => stored(namespace, image('key')));

    beforeAll(async () => {
      for (const object of objects()) await both().api.create(object);
    });
    afterAll(async () => {
      for (const object of objects()) await both().api.remove(object);
    });

    test.each(changes)('$name', async ({ attempt, verdicts, difference }) => {
      const verdict = async (side: Side): Promise<Verdict> =>
        attempt(both(), both().namespaces[side], image).then(() => 'admitted', refused);
      const found = {
        'policy-controller': await verdict('policy-controller'),
        countersign: await verdict('countersign'),
      };
      expect(found).toEqual(verdicts);
      const documented = differences.some(({ id }) => id === difference);
      expect(documented).toBe(found.countersign !== found['policy-controller']);
    });
  });
}

/** Fails when anything but a webhook has refused. */
function refused(error: unknown): Verdict {
  if (error instanceof ApiException && String(error.body).includes('denied the request')) return 'refused';
  throw error;
}
