import { expect, test } from 'vitest';
import { asItRuns } from '../../../src/controllers/scan/running-images.ts';

const digest = `sha256:${'ab'.repeat(32)}`;
const other = `sha256:${'cd'.repeat(32)}`;

function imageThatRuns(image: unknown, imageID: unknown): unknown {
  const pod = asItRuns({
    spec: { containers: [{ name: 'main', image }] },
    status: { containerStatuses: [{ name: 'main', imageID }] },
  });
  // Made just above.
  return (pod['spec'] as { containers: readonly { image: unknown }[] }).containers[0]?.image;
}

test.each<[string, unknown, unknown, unknown]>([
  ['a tag', 'ghcr.io/acme/web:1', `ghcr.io/acme/web@${digest}`, `ghcr.io/acme/web:1@${digest}`],
  ['a name alone', 'nginx', `docker.io/library/nginx@${digest}`, `index.docker.io/library/nginx:latest@${digest}`],
  ['an id with a scheme', 'a.io/aa/b:1', `docker-pullable://a.io/aa/b@${digest}`, `a.io/aa/b:1@${digest}`],
  ['content that the node has under another name', 'a.io/aa/b:1', `b.io/c@${digest}`, `a.io/aa/b:1@${digest}`],
])('%s is what was pulled', (_what, image, id, expected) => {
  expect(imageThatRuns(image, id)).toBe(expected);
});

test.each<[string, unknown, unknown]>([
  ['a digest in the spec', `ghcr.io/acme/web@${other}`, `ghcr.io/acme/web@${digest}`],
  ['an image that was loaded on the node', 'ghcr.io/acme/web:1', digest],
  ['a container that was not started', 'ghcr.io/acme/web:1', ''],
  ['an id that is no digest', 'ghcr.io/acme/web:1', 'ghcr.io/acme/web@sha256:abc'],
  ['an id that is no text', 'ghcr.io/acme/web:1', 7],
  ['an image that is no name', 'NOT A NAME', `ghcr.io/acme/web@${digest}`],
  ['an image that is no text', 7, `ghcr.io/acme/web@${digest}`],
])('%s stays as it is', (_what, image, id) => {
  expect(imageThatRuns(image, id)).toBe(image);
});

test('each container of each list has its own, by name', () => {
  const container = (name: string): object => ({ name, image: `a.io/aa/${name}:1` });
  const status = (name: string): object => ({ name, imageID: `a.io/aa/${name}@sha256:${name.repeat(64)}` });
  const pod = asItRuns({
    metadata: { name: 'p' },
    spec: {
      containers: [container('a'), container('b')],
      initContainers: [container('c')],
      ephemeralContainers: [container('d')],
    },
    status: {
      containerStatuses: [status('b'), status('a')],
      initContainerStatuses: [status('c')],
      ephemeralContainerStatuses: [status('d')],
    },
  });
  const pinned = (name: string): object => ({ name, image: `a.io/aa/${name}:1@sha256:${name.repeat(64)}` });
  expect(pod['spec']).toEqual({
    containers: [pinned('a'), pinned('b')],
    initContainers: [pinned('c')],
    ephemeralContainers: [pinned('d')],
  });
  expect(pod['metadata']).toEqual({ name: 'p' });
});

test.each([{}, { spec: 7 }, { spec: { containers: 'x' }, status: { containerStatuses: [7, null] } }])(
  'a Pod that makes no sense stays one: %j',
  (pod) => {
    expect(asItRuns(pod)).toEqual({ ...pod, spec: asItRuns(pod)['spec'] });
  },
);
