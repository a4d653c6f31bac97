/** Which images a run will have, as we find it before there is a Pod and as Tekton finds it for the Pod. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ok } from '../../src/kernel/result.ts';
import { resolveRun } from '../../src/tekton/resolve-run.ts';
import { kubeconfig } from './access.ts';
import { connect, type Api } from './gate/api.ts';
import { until } from './processes.ts';
import { cases, definitions } from './tekton/cases.ts';
import { tektonPrograms } from './tekton/programs.ts';
import { startTekton, type Tekton } from './tekton/start-tekton.ts';

const programs = await tektonPrograms();

describe.runIf(programs !== undefined)('the images of a run are those that Tekton finds', () => {
  let api: Api;
  let tekton: Tekton;
  let namespace: string;

  beforeAll(async () => {
    if (programs === undefined) return;
    api = connect(kubeconfig);
    tekton = await startTekton(api, kubeconfig, programs);
    // Nobody judges here: what Tekton does by itself is to be seen.
    namespace = await api.namespace({});
    for (const [id, spec] of Object.entries(definitions)) {
      const [kind = '', name = ''] = id.split('/');
      const apiVersion = kind === 'StepAction' ? 'tekton.dev/v1beta1' : 'tekton.dev/v1';
      await api.apply({ apiVersion, kind, metadata: { name, namespace }, spec });
    }
  }, 240_000);
  afterAll(async () => {
    await tekton?.close();
    await api?.close();
  }, 120_000);

  test.each(cases)('of $what', async ({ what, kind, spec }) => {
    const { tasks, unresolved, wanted } = resolveRun({ kind, namespace, spec }, (reference) =>
      ok(definitions[`${reference.kind}/${reference.name}`] ?? {}),
    );
    expect([unresolved, wanted]).toEqual([[], []]);
    const known = tasks.flatMap(({ steps, sidecars }) => [...steps, ...sidecars]).map(({ image }) => image);

    const name = what
      .toLowerCase()
      .replaceAll(/[^a-z]+/g, '-')
      .slice(0, 30)
      .replace(/-$/, '');
    const podTemplate = { schedulerName: 'nobody' };
    const unscheduled = kind === 'TaskRun' ? { podTemplate } : { taskRunTemplate: { podTemplate } };
    const run = {
      apiVersion: 'tekton.dev/v1',
      kind,
      metadata: { name, namespace },
      spec: { ...spec, ...unscheduled },
    };
    await api.create(run);
    const labelSelector = `tekton.dev/${kind === 'TaskRun' ? 'taskRun' : 'pipelineRun'}=${name}`;
    const images = async (): Promise<readonly string[]> =>
      (await api.core.listNamespacedPod({ namespace, labelSelector })).items
        .flatMap((pod) => pod.spec?.containers ?? [])
        .map(({ image }) => image ?? '');
    await until(async () => (await images()).length >= known.length, 20_000);
    expect((await images()).toSorted()).toEqual(known.toSorted());
  });
});
