import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { judgedKind } from '../../src/admission/judged-kinds.ts';
import { admissionReviewFor, readManifests, resourceOf } from '../../src/cli/manifest-documents.ts';

const folder = mkdtempSync(join(tmpdir(), 'manifests-'));

afterAll(() => rmSync(folder, { recursive: true }));

function file(text: string): string {
  const path = join(folder, 'manifest.yaml');
  writeFileSync(path, text);
  return path;
}

describe('the resource of a kind', () => {
  test.each([
    ['v1', 'Pod', 'pods'],
    ['v1', 'PodTemplate', 'podtemplates'],
    ['v1', 'ReplicationController', 'replicationcontrollers'],
    ['apps/v1', 'Deployment', 'deployments'],
    ['apps/v1', 'ReplicaSet', 'replicasets'],
    ['apps/v1', 'StatefulSet', 'statefulsets'],
    ['apps/v1', 'DaemonSet', 'daemonsets'],
    ['batch/v1', 'Job', 'jobs'],
    ['batch/v1', 'CronJob', 'cronjobs'],
    ['tekton.dev/v1', 'Task', 'tasks'],
    ['tekton.dev/v1beta1', 'TaskRun', 'taskruns'],
    ['tekton.dev/v1', 'Pipeline', 'pipelines'],
    ['tekton.dev/v1', 'PipelineRun', 'pipelineruns'],
    ['tekton.dev/v1beta1', 'StepAction', 'stepactions'],
  ])('%s %s is %s, and is judged', (apiVersion, kind, resource) => {
    const found = resourceOf({ apiVersion, kind });
    expect(found.resource).toBe(resource);
    expect(judgedKind(found)).toBeDefined();
  });

  test.each([
    ['networking.k8s.io/v1', 'NetworkPolicy', 'networkpolicies'],
    ['networking.k8s.io/v1', 'Ingress', 'ingresses'],
    ['v1', 'Service', 'services'],
  ])('%s %s is %s', (apiVersion, kind, resource) => {
    expect(resourceOf({ apiVersion, kind }).resource).toBe(resource);
  });
});

describe('a manifest', () => {
  test('becomes the request of its creation', () => {
    const [document] = readManifests(
      file('apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: web, namespace: shop }\nspec: { replicas: 1 }\n'),
    );
    expect(document && admissionReviewFor(document, 'u-1')).toMatchObject({
      apiVersion: 'admission.k8s.io/v1',
      kind: 'AdmissionReview',
      request: {
        uid: 'u-1',
        kind: { group: 'apps', version: 'v1', kind: 'Deployment' },
        resource: { group: 'apps', version: 'v1', resource: 'deployments' },
        namespace: 'shop',
        name: 'web',
        operation: 'CREATE',
        object: { spec: { replicas: 1 } },
        oldObject: null,
        dryRun: true,
      },
    });
  });

  test('without namespace is for the default one, and may have a generated name', () => {
    const [document] = readManifests(file('apiVersion: batch/v1\nkind: Job\nmetadata: { generateName: run- }\n'));
    expect(document).toMatchObject({ namespace: 'default', name: 'run-' });
  });

  test('says what kubectl would send: a number in quotes is a text, no is false, 0400 is octal', () => {
    const [document] = readManifests(
      file('apiVersion: v1\nkind: Pod\nmetadata: { name: "1" }\nspec: { a: 2030-01-01, b: no, fileMode: 0400 }\n'),
    );
    expect(document?.object).toMatchObject({
      metadata: { name: '1' },
      spec: { a: '2030-01-01', b: false, fileMode: 0o400 },
    });
  });
});

describe('what cannot be read', () => {
  const bomb = [
    'a: &a [x,x,x,x,x,x,x,x,x]',
    ...'bcdefghi'.split('').map((name, index) => {
      const before = 'abcdefghi'[index] ?? 'a';
      return `${name}: &${name} [${Array(9).fill(`*${before}`).join(',')}]`;
    }),
  ].join('\n');

  test.each([
    { name: 'no YAML', text: 'kind: [', problem: /document 1: / },
    { name: 'a key that occurs twice', text: 'apiVersion: v1\nkind: Pod\nkind: Job\n', problem: /occurs twice/ },
    { name: 'no kind', text: 'apiVersion: v1\n', problem: /needs apiVersion and kind/ },
    { name: 'a text', text: 'hello', problem: /needs apiVersion and kind/ },
    {
      name: 'a List with something else in it',
      text: 'apiVersion: v1\nkind: List\nitems: [1]\n',
      problem: /items\[0\]/,
    },
    { name: 'the second document of two', text: 'apiVersion: v1\nkind: Pod\n---\nhello', problem: /document 2/ },
    { name: 'nothing at all', text: '---\n---\n', problem: /no manifest/ },
    { name: 'aliases that unfold without measure', text: bomb, problem: /alias/ },
    {
      name: 'an AdmissionReview without request',
      text: 'apiVersion: a/v1\nkind: AdmissionReview\n',
      problem: /request/,
    },
  ])('($name) is an error with its place', ({ text, problem }) => {
    expect(() => readManifests(file(text))).toThrow(problem);
  });

  test('because it is not there is an error that names the file', () => {
    expect(() => readManifests(join(folder, 'nowhere.yaml'))).toThrow(/nowhere\.yaml/);
  });
});
