/**
 * The meta-task of Kubernaut's design on a real Tekton: one Task that runs whatever action image it is told to. What the
 * gate says about a TaskRun, and what it says about the Pod that Tekton makes of it.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { defaultEvidenceSettings } from '../../src/evidence/gather.ts';
import { kubeconfig } from './access.ts';
import { connect, type Api, type ApiObject } from './gate/api.ts';
import { optedIn, startGate, type Gate } from './gate/gate.ts';
import { runnableImage, signed, type PushedImage } from './gate/images.ts';
import { policyOf } from './gate/policies.ts';
import { refusal } from './gate/refusal.ts';
import { valueAt } from './gate/workloads.ts';
import { until } from './processes.ts';
import { actionFiles, actionPolicy, inputs, metaTask, pipelineRunOf, taskRunOf } from './tekton/meta-task.ts';
import { tektonPrograms } from './tekton/programs.ts';
import { startTekton, type Tekton } from './tekton/start-tekton.ts';

const programs = await tektonPrograms();

describe.runIf(programs !== undefined)('the meta-task on Tekton', { timeout: 90_000 }, () => {
  let api: Api;
  let gate: Gate;
  let tekton: Tekton;
  let action: PushedImage;
  let unsigned: PushedImage;

  const actionImage = (repository: string, name = 'restart'): PushedImage =>
    runnableImage(gate.registry, repository, ['/action-entrypoint'], actionFiles(name));
  const taskRun = (name: string, image: string, more: object = {}, params: object = {}): ApiObject =>
    taskRunOf(
      { name, namespace: gate.namespace },
      { actionType: 'restart', actionImage: image, inputs, ...params },
      more,
    );
  const pipelineRun = (name: string, images: readonly string[]): ApiObject =>
    pipelineRunOf({ name, namespace: gate.namespace }, images);
  const ownImages = (): ApiObject =>
    policyOf('tekton', tekton.host, [{ static: { action: 'pass' } }], {
      images: tekton.images.map((glob) => ({ glob })),
    });

  beforeAll(async () => {
    if (programs === undefined) return;
    api = connect(kubeconfig);
    tekton = await startTekton(api, kubeconfig, programs);
    gate = await startGate();
    // Tekton's own images: by digest, each of them.
    await api.apply(ownImages());
    await api.apply(actionPolicy(gate.registry.host, gate.namespace));
    action = signed(gate.registry, 'actions/restart', actionImage('actions/restart'), gate.key);
    unsigned = actionImage('actions/unsigned', 'unsigned');
    await api.apply(metaTask(gate.namespace));
    await untilInForce();
  }, 240_000);
  afterAll(async () => {
    await api?.remove(actionPolicy('', ''));
    await api?.remove(policyOf('tekton', '', []));
    await gate?.close();
    await tekton?.close();
    await api?.close();
  }, 120_000);

  /** The webhook has seen the policies when it refuses for their reason. */
  async function untilInForce(): Promise<void> {
    const elsewhere = await api.namespace(optedIn);
    const bare = { name: 'main', image: action.tagged };
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'probe', namespace: elsewhere },
      spec: { containers: [bare] },
    };
    const seen = await until(
      async () => (await refusal(api.create(pod, { dryRun: true }))).sentence.includes('NAMESPACE_NOT_ALLOWED'),
      20_000,
    );
    if (!seen) throw new Error('the action policy is not in force');
  }

  const completed = /^All Steps have completed|^Tasks Completed: /;
  async function condition(run: ApiObject): Promise<{ readonly status: unknown; readonly message: string }> {
    const at = async (member: string): Promise<unknown> =>
      valueAt(await api.read(run), `status.conditions[0].${member}`);
    const ended = await until(async () => ['True', 'False'].includes(String(await at('status'))), 60_000);
    const message = String(await at('message'));
    if (!ended) throw new Error(`${run.kind} ${run.metadata.name} does not end: ${message}`);
    return { status: await at('status'), message };
  }

  /** Held back by Tekton until it is let go, so that something can happen in between. */
  const held = { status: 'TaskRunPending' };
  async function letGo(run: ApiObject): Promise<void> {
    await api.merge(run, { spec: { status: null } });
  }

  test('runs a signed action with what its contract says', async () => {
    const run = taskRun('signed', action.tagged);
    await api.create(run);
    const stored = await api.read(run);
    const resources = { requests: { cpu: '10m', memory: '16Mi' }, limits: { cpu: '500m', memory: '64Mi' } };
    expect(valueAt(stored, 'spec.stepSpecs')).toEqual([{ name: 'execute', computeResources: resources }]);
    expect(valueAt(stored, 'spec.podTemplate.automountServiceAccountToken')).toBe(false);
    expect(await condition(run)).toMatchObject({ status: 'True', message: expect.stringMatching(completed) });

    const pod = await api.core.readNamespacedPod({ name: 'signed-pod', namespace: gate.namespace });
    expect(pod.spec?.containers[0]).toMatchObject({
      name: 'step-execute',
      image: action.pinned,
      resources,
      securityContext: { runAsUser: 1000, runAsNonRoot: true, allowPrivilegeEscalation: false },
    });
    expect(pod.spec?.initContainers?.map(({ image }) => image?.replace(/:[^/]*@/, '@'))).toEqual(
      expect.arrayContaining([tekton.images[0]]),
    );
    expect(pod.metadata?.annotations?.['countersign.dev/contract']).toBe(`restart@v1.0.0 ${action.digest}`);
    const result = valueAt(await api.read(run), 'status.results[0].value');
    expect(result).toBe(`inputs=${inputs} uid=1000 memory=${64 * 1024 * 1024} token=\n`);
  });

  test('runs a Pipeline of signed actions', async () => {
    const other = signed(gate.registry, 'actions/other', actionImage('actions/other', 'other'), gate.key);
    const run = pipelineRun('pipeline', [action.tagged, other.tagged]);
    await api.create(run);
    expect(await condition(run)).toMatchObject({ status: 'True', message: expect.stringMatching(completed) });
    const { items } = await api.core.listNamespacedPod({
      namespace: gate.namespace,
      labelSelector: 'tekton.dev/pipelineRun=pipeline',
    });
    const images = items.map(({ spec }) => spec?.containers[0]?.image);
    expect(new Set(images)).toEqual(new Set([action.pinned, other.pinned]));
  });

  test('lets Tekton end a sidecar, which it does by another image in the running Pod', async () => {
    const image = runnableImage(gate.registry, 'apps/sidecar', ['sleep', '3600']);
    const sidecar = signed(gate.registry, 'apps/sidecar', image, gate.key);
    const securityContext = {
      runAsNonRoot: true,
      runAsUser: 1000,
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
      seccompProfile: { type: 'RuntimeDefault' },
    };
    const { spec } = metaTask('');
    const taskSpec = { ...Object(spec), sidecars: [{ name: 'beside', image: sidecar.tagged, securityContext }] };
    const run = taskRun('sidecar', action.tagged, { taskRef: undefined, taskSpec });
    await api.create(run);
    expect(valueAt(await api.read(run), 'spec.taskSpec.sidecars[0].image')).toBe(sidecar.pinned);
    expect(await condition(run)).toMatchObject({ status: 'True', message: expect.stringMatching(completed) });
    const ended = await until(async () => {
      const pod = await api.core.readNamespacedPod({ name: 'sidecar-pod', namespace: gate.namespace });
      return pod.spec?.containers.find(({ name }) => name === 'sidecar-beside')?.image === tekton.images[1];
    }, 20_000);
    expect(ended).toBe(true);
  });

  test('refuses a TaskRun with an unsigned action when it is created', async () => {
    const run = taskRun('unsigned', unsigned.tagged);
    expect(await refusal(api.create(run))).toMatchObject({
      code: 403,
      webhook: 'validate.countersign.dev',
      sentence: expect.stringMatching(/^SIGNATURE_MISSING: .*Task \S+\/kubernaut-action spec\.steps\[0\]\.image "/),
    });
    expect(await api.read(run)).toBeUndefined();
  });

  test('refuses it when the cluster resolver is asked for the task, too', async () => {
    const params = { kind: 'task', name: 'kubernaut-action', namespace: gate.namespace };
    const list = Object.entries(params).map(([name, value]) => ({ name, value }));
    const run = taskRun('resolved', unsigned.tagged, { taskRef: { resolver: 'cluster', params: list } });
    expect(await refusal(api.create(run))).toMatchObject({
      sentence: expect.stringMatching(/^SIGNATURE_MISSING: /),
    });
  });

  test('refuses a PipelineRun with an unsigned action in one combination of a matrix', async () => {
    const run = pipelineRun('matrix', [action.tagged, unsigned.tagged]);
    const { sentence } = await refusal(api.create(run));
    expect(sentence).toMatch(/^SIGNATURE_MISSING: /);
    expect(sentence).toContain(unsigned.pinned);
    expect(sentence).not.toContain(action.digest);
  });

  test('refuses inputs that the contract does not know, when the TaskRun is created', async () => {
    const run = taskRun('inputs', action.tagged, {}, { inputs: '{"namespace":"x"}' });
    const { sentence } = await refusal(api.create(run));
    expect(sentence).toMatch(/^INPUT_INVALID: /);
    expect(sentence).toContain('deployment');
  });

  test('refuses a TaskRun in a namespace outside of the allowlist', async () => {
    const namespace = await api.namespace(optedIn);
    await api.apply(metaTask(namespace));
    const run = taskRun('elsewhere', action.tagged);
    const { sentence } = await refusal(api.create({ ...run, metadata: { name: 'elsewhere', namespace } }));
    expect(sentence).toMatch(`NAMESPACE_NOT_ALLOWED: namespace ${namespace} is not in the allowlist of actions`);
  });

  test('a Task that is changed after its TaskRun was admitted brings no other image into the Pod', async () => {
    const run = taskRun('changed', action.tagged, held, { actionType: unsigned.tagged });
    await api.create(run);
    await api.apply(metaTask(gate.namespace, '$(params.actionType)'));
    try {
      await letGo(run);
      const { status, message } = await condition(run);
      expect(status).toBe('False');
      expect(message).toContain('SIGNATURE_MISSING');
      expect(
        await api.read({
          ...run,
          apiVersion: 'v1',
          kind: 'Pod',
          metadata: { ...run.metadata, name: 'changed-pod' },
        }),
      ).toBeUndefined();
    } finally {
      await api.apply(metaTask(gate.namespace));
    }
  });

  test('not even one that is signed: the Pod is held to what was resolved', async () => {
    const other = signed(gate.registry, 'actions/other', actionImage('actions/other', 'other'), gate.key);
    const run = taskRun('swapped', action.tagged, held, { actionType: other.tagged });
    await api.create(run);
    await api.apply(metaTask(gate.namespace, '$(params.actionType)'));
    try {
      await letGo(run);
      const message = expect.stringContaining('RUN_MISMATCH');
      expect(await condition(run)).toMatchObject({ status: 'False', message });
    } finally {
      await api.apply(metaTask(gate.namespace));
    }
  });

  test('a tag that is moved after its TaskRun was admitted brings no other image into the Pod', async () => {
    const moving = signed(gate.registry, 'actions/moving', actionImage('actions/moving', 'moving'), gate.key);
    const run = taskRun('moved', moving.tagged, held);
    await api.create(run);
    actionImage('actions/moving', 'moved');
    // So long is remembered what a tag names.
    await sleep(defaultEvidenceSettings.tagSeconds * 1_000 + 500);
    await letGo(run);
    const message = expect.stringContaining('SIGNATURE_MISSING');
    expect(await condition(run)).toMatchObject({ status: 'False', message });
  });

  test("Tekton's own images are let in by their policy and not by the names of their containers", async () => {
    await api.remove(policyOf('tekton', '', []));
    try {
      const attempt = (): Promise<unknown> =>
        api.create(
          {
            apiVersion: 'v1',
            kind: 'Pod',
            metadata: { name: 'prepare', namespace: gate.namespace },
            spec: {
              initContainers: [{ name: 'prepare', image: tekton.images[0] }],
              containers: [{ name: 'step-execute', image: action.tagged }],
            },
          },
          { dryRun: true },
        );
      const refused = await until(
        async () => (await refusal(attempt())).sentence.includes('NO_MATCHING_POLICY'),
        20_000,
      );
      expect(refused).toBe(true);
      const run = taskRun('own', action.tagged);
      await api.create(run);
      expect(await condition(run)).toMatchObject({
        status: 'False',
        message: expect.stringContaining('NO_MATCHING_POLICY'),
      });
    } finally {
      await api.apply(ownImages());
    }
  });
});
