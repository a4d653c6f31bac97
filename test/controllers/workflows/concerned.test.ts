import { expect, test } from 'vitest';
import { concerned } from '../../../src/controllers/workflows/concerned.ts';
import type { Kind, KubeObject } from '../../../src/kernel/kube-object.ts';
import { kinds, workflowKinds } from '../../../src/workflow/kinds.ts';
import { names } from '../../../src/workflow/model.ts';
import { fakeCluster, type FakeCluster } from '../../fakes/fake-cluster.ts';

const [workflowKind, twinKind] = workflowKinds;
if (workflowKind === undefined || twinKind === undefined) throw new Error('there are two kinds of workflows');
const labels = { [names.engineLabel]: 'job' };

function put(cluster: FakeCluster, kind: Kind, name: string, owner?: KubeObject, more: object = {}): KubeObject {
  const reference = owner && {
    apiVersion: owner.apiVersion,
    kind: owner.kind,
    name: owner.metadata.name,
    uid: owner.metadata.uid,
  };
  const ownerReferences = reference === undefined ? [] : [{ ...reference, controller: true }];
  const metadata = { name, namespace: 'shop', labels, ownerReferences };
  return cluster.put({ apiVersion: kind.apiVersion, kind: kind.kind, metadata, ...more });
}

function who(cluster: FakeCluster, object: KubeObject): string {
  const { workflows, actions } = concerned(object, cluster);
  return [
    ...workflows.map(({ namespace, name }) => `workflow ${namespace}/${name}`),
    ...actions.map(({ namespace, name }) => `action ${namespace}/${name}`),
  ].join(', ');
}

test('whom a change is for, on Jobs', () => {
  const cluster = fakeCluster();
  const workflow = put(cluster, workflowKind, 'repair');
  const action = put(cluster, kinds.action, 'repair-scale', workflow);
  const job = put(cluster, kinds.job, 'repair-scale', action);
  const pod = put(cluster, kinds.pod, 'repair-scale-x', job);
  const claim = put(cluster, kinds.claim, 'repair-workspace', workflow);
  expect([workflow, action, job, pod, claim].map((object) => who(cluster, object))).toEqual([
    'workflow shop/repair',
    'workflow shop/repair, action shop/repair-scale',
    'action shop/repair-scale',
    'action shop/repair-scale',
    'workflow shop/repair',
  ]);
});

test('whom a change is for, on Tekton', () => {
  const cluster = fakeCluster();
  const workflow = put(cluster, twinKind, 'repair');
  const pipelineRun = put(cluster, kinds.pipelineRun, 'repair', workflow);
  const taskRun = put(cluster, kinds.taskRun, 'repair-scale', pipelineRun);
  const pod = put(cluster, kinds.pod, 'repair-scale-pod', taskRun);
  const claim = put(cluster, kinds.claim, 'pvc-1', pipelineRun);
  for (const object of [workflow, pipelineRun, taskRun, pod, claim])
    expect(who(cluster, object)).toBe('workflow shop/repair');
});

test('an action that stands alone is nobody else’s matter', () => {
  const cluster = fakeCluster();
  expect(who(cluster, put(cluster, kinds.action, 'alone'))).toBe('action shop/alone');
});

test('what belongs to others is nobody’s matter', () => {
  const cluster = fakeCluster();
  const job = put(cluster, kinds.job, 'backup');
  const pod = put(cluster, kinds.pod, 'backup-x', job);
  expect([job, pod].map((object) => who(cluster, object))).toEqual(['', '']);
});

test('another Job of that name is not the owner', () => {
  const cluster = fakeCluster();
  const action = put(cluster, kinds.action, 'scale');
  const pod = put(cluster, kinds.pod, 'scale-x', put(cluster, kinds.job, 'scale', action));
  cluster.drop({ kind: kinds.job, namespace: 'shop', name: 'scale' });
  put(cluster, kinds.job, 'scale', action);
  expect(who(cluster, pod)).toBe('');
});

test('references that go round in a circle come to an end', () => {
  const cluster = fakeCluster();
  const job = put(cluster, kinds.job, 'one');
  const taskRun = put(cluster, kinds.taskRun, 'two', job);
  const round = put(cluster, kinds.job, 'one', taskRun);
  expect(round.metadata.uid).toBe(job.metadata.uid);
  expect(who(cluster, round)).toBe('');
});

test('settings and registry concern all that is not finished', () => {
  const cluster = fakeCluster();
  put(cluster, workflowKind, 'new');
  put(cluster, twinKind, 'running', undefined, { status: { phase: 'Executing' } });
  put(cluster, workflowKind, 'done', undefined, { status: { phase: 'Completed' } });
  put(cluster, kinds.action, 'failed', undefined, { status: { phase: 'Failed' } });
  put(cluster, kinds.action, 'waiting', undefined, { status: { phase: 'Pending' } });
  const expected = 'workflow shop/new, workflow shop/running, action shop/waiting';
  expect(who(cluster, put(cluster, kinds.configMap, names.settings))).toBe(expected);
  expect(who(cluster, put(cluster, kinds.configMap, names.registry))).toBe(expected);
  expect(who(cluster, put(cluster, kinds.configMap, 'constructor'))).toBe('');
});
