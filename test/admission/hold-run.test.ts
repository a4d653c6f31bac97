/** The Pod of a TaskRun is held to the images that were resolved when the run was created. */
import { describe, expect, test } from 'vitest';
import { imagesAnnotation } from '../../src/admission/hold-run.ts';
import { Bench, patched, pinned, reviewOf, type Sent } from './bench.ts';

const taskRuns: Sent = { group: 'tekton.dev', version: 'v1', resource: 'taskruns', kind: 'TaskRun' };
const app = 'a.example/app:1';
const pinnedApp = pinned('a.example/app', '1');
const other = pinned('a.example/other', '1');

function run(image: string, annotations?: object): object {
  const params = [{ name: 'image', value: image }];
  const taskSpec = { steps: [{ name: 'main', image: '$(params.image)' }], sidecars: [{ name: 'log', image: app }] };
  return { metadata: { name: 'run', ...(annotations && { annotations }) }, spec: { params, taskSpec } };
}

const runOf = (image: string): object => ({ spec: { taskSpec: { steps: [{ name: 'main', image }] } } });

function podOf(
  containers: readonly (readonly [name: string, image: string])[],
  held?: unknown,
  owner = 'TaskRun',
): object {
  return {
    metadata: {
      name: 'run-pod',
      ownerReferences: [{ kind: owner, name: 'run', controller: true }],
      ...(held === undefined ? {} : { annotations: { [imagesAnnotation]: held } }),
    },
    spec: { containers: containers.map(([name, image]) => ({ name, image })) },
  };
}

async function annotationOf(object: object): Promise<unknown> {
  const { response } = await new Bench().review('mutate', reviewOf(object, taskRuns));
  const stored = patched(object, response.patch) as { metadata: { annotations?: Record<string, unknown> } };
  return stored.metadata.annotations?.[imagesAnnotation];
}

describe('a new run', () => {
  test('is told what it resolves to, by digest, and is admitted with that', async () => {
    const held = JSON.stringify([pinnedApp, other].sort());
    const bench = new Bench();
    const mutated = await bench.review('mutate', reviewOf(run(other), taskRuns));
    const stored = patched(run(other), mutated.response.patch);
    expect(stored).toMatchObject({ metadata: { annotations: { [imagesAnnotation]: held } } });
    const { response } = await bench.review('validate', reviewOf(stored, taskRuns));
    expect(response.allowed).toBe(true);
  });

  test.each([['nothing'], ['[]'], [JSON.stringify([other])]])(
    'that says %s of itself is corrected, or refused',
    async (said) => {
      expect(await annotationOf(run(app, { [imagesAnnotation]: said }))).toBe(JSON.stringify([pinnedApp]));
      const { response } = await new Bench().review(
        'validate',
        reviewOf(run(app, { [imagesAnnotation]: said }), taskRuns),
      );
      expect(response).toMatchObject({ allowed: false, status: { code: 403 } });
      expect(response.status?.message).toMatch(/^RUN_MISMATCH: /);
    },
  );

  test('that says nothing of itself is refused when nothing else is wrong with it', async () => {
    const { response } = await new Bench().review('validate', reviewOf(runOf(pinnedApp), taskRuns));
    const causes = [{ reason: 'RUN_MISMATCH', field: `metadata.annotations[${imagesAnnotation}]` }];
    expect(response).toMatchObject({ allowed: false, status: { code: 403, details: { causes } } });
    expect(response.status?.message).toMatch(/must be registered for TaskRuns/);
  });

  test('of which not everything is known is admitted without', async () => {
    const object = runOf('$(tasks.build.results.image)');
    const { response } = await new Bench().review('validate', reviewOf(object, taskRuns));
    expect(response.allowed).toBe(true);
  });

  test('of which not everything is known is told nothing', async () => {
    expect(await annotationOf(run('$(tasks.build.results.image)', { [imagesAnnotation]: '[]' }))).toBeUndefined();
  });
});

describe('an update of a run', () => {
  const before = run(app, { [imagesAnnotation]: JSON.stringify([pinnedApp]), note: 'a' });

  test.each<[string, object, boolean]>([
    ['that changes something else', run(app, { [imagesAnnotation]: JSON.stringify([pinnedApp]), note: 'b' }), true],
    ['that changes what was resolved', run(app, { [imagesAnnotation]: JSON.stringify([pinnedApp, other]) }), false],
    ['that takes it away', run(app), false],
  ])('%s', async (_title, after, allowed) => {
    const { response } = await new Bench().review(
      'validate',
      reviewOf(after, taskRuns, { operation: 'UPDATE', oldObject: before }),
    );
    expect(response.allowed).toBe(allowed);
  });
});

describe('the Pod of a run', () => {
  const held = JSON.stringify([pinnedApp]);
  const tekton = pinned('tekton.example/entrypoint', '1');

  test.each<[string, object]>([
    [
      'with its images',
      podOf(
        [
          ['step-main', pinnedApp],
          ['sidecar-log', pinnedApp],
        ],
        held,
      ),
    ],
    [
      "with containers that are not the run's",
      podOf(
        [
          ['step-main', pinnedApp],
          ['istio-proxy', other],
        ],
        held,
      ),
    ],
    [
      "with Tekton's own sidecar",
      podOf(
        [
          ['step-main', pinnedApp],
          ['sidecar-tekton-log-results', tekton],
        ],
        held,
      ),
    ],
    ['that was created before its run was told', podOf([['step-main', other]])],
    ['of something else with that annotation', podOf([['step-main', other]], held, 'Job')],
  ])('%s is judged like any other', async (_title, pod) => {
    expect((await new Bench().review('validate', reviewOf(pod))).response.allowed).toBe(true);
  });

  test.each<[string, object, string]>([
    ['another step image, however well signed', podOf([['step-main', other]], held), 'spec.containers[0].image'],
    [
      'another sidecar image',
      podOf(
        [
          ['step-main', pinnedApp],
          ['sidecar-log', other],
        ],
        held,
      ),
      'spec.containers[1].image',
    ],
    ['an annotation that is nothing', podOf([['step-main', pinnedApp]], 'x'), 'spec.containers[0].image'],
    ['an annotation of another form', podOf([['step-main', pinnedApp]], '{}'), 'spec.containers[0].image'],
  ])('with %s is refused', async (_title, pod, field) => {
    const { response } = await new Bench().review('validate', reviewOf(pod));
    expect(response.status).toMatchObject({ code: 403, details: { causes: [{ reason: 'RUN_MISMATCH', field }] } });
  });
});
