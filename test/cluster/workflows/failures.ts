/**
 * Everything that can go wrong with a step, on Jobs and on Tekton with the same objects: the workflow ends Failed with a
 * reason and one sentence, what depends on the step never runs, and nothing is left behind.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Engine, FailureReason, WorkflowStatus } from '../../../src/workflow/model.ts';
import { defined } from '../../../src/kernel/defined.ts';
import type { ApiObject } from '../gate/api.ts';
import type { PushedImage } from '../gate/images.ts';
import { until } from '../processes.ts';
import type { Place } from './world.ts';

interface Row {
  readonly title: string;
  readonly name: string;
  /** The step that fails; `after` depends on it. */
  readonly step: (images: Images) => object;
  readonly spec?: object;
  readonly reason: FailureReason;
  readonly sentence: RegExp;
  readonly code?: string;
  readonly exitCode?: number;
  /** Nothing may have been made for it at all. */
  readonly neverStarted?: true;
}

interface Images {
  readonly good: PushedImage;
  readonly unsigned: PushedImage;
  readonly failing: PushedImage;
  readonly hungry: PushedImage;
  readonly slow: PushedImage;
  readonly huge: PushedImage;
  readonly strict: PushedImage;
  readonly broken: PushedImage;
  readonly workspace: PushedImage;
  readonly rights: PushedImage;
  readonly host: string;
}

const nowhere = `sha256:${'0'.repeat(64)}`;

const rows: readonly Row[] = [
  {
    title: 'an unsigned action',
    name: 'unsigned',
    step: ({ unsigned }) => ({ image: unsigned.pinned }),
    reason: 'Forbidden',
    code: 'SIGNATURE_MISSING',
    sentence: /no signatures found/,
    neverStarted: true,
  },
  {
    title: 'an action whose digest is none',
    name: 'digest',
    step: ({ host }) => ({ image: `${host}/actions/scale@sha256:abc123` }),
    reason: 'Forbidden',
    code: 'IMAGE_REFERENCE_INVALID',
    sentence: /digest/,
    neverStarted: true,
  },
  {
    title: 'an input outside of the contract',
    name: 'contract',
    step: ({ strict }) => ({ image: strict.pinned, inputs: { replicas: 50 } }),
    reason: 'ConfigurationError',
    code: 'INPUT_INVALID',
    sentence: /replicas/,
    neverStarted: true,
  },
  {
    title: 'a missing input',
    name: 'input',
    step: ({ strict }) => ({ image: strict.pinned }),
    reason: 'ConfigurationError',
    code: 'INPUT_INVALID',
    sentence: /replicas/,
    neverStarted: true,
  },
  {
    title: 'an action that ends with 1',
    name: 'exit',
    step: ({ failing }) => ({ image: failing.pinned }),
    reason: 'TaskFailed',
    exitCode: 1,
    sentence: /1/,
  },
  {
    title: 'an action that takes more memory than its contract has',
    name: 'memory',
    step: ({ hungry }) => ({ image: hungry.pinned }),
    reason: 'OOMKilled',
    sentence: /memory/,
  },
  {
    title: 'a digest that is not in its registry, so that nobody has signed it',
    name: 'absent',
    step: ({ host }) => ({ image: `${host}/actions/nowhere@${nowhere}` }),
    reason: 'Forbidden',
    code: 'SIGNATURE_MISSING',
    sentence: /nowhere/,
    neverStarted: true,
  },
  {
    title: 'an image whose layers are gone',
    name: 'layers',
    step: ({ broken }) => ({ image: broken.pinned }),
    reason: 'ImagePullBackOff',
    sentence: /broken/,
  },
  {
    title: 'an image that is not in its registry',
    name: 'missing',
    step: ({ host }) => ({ image: `${host}/actions/nowhere:9.9` }),
    reason: 'ImagePullBackOff',
    sentence: /nowhere/,
    neverStarted: true,
  },
  {
    title: 'an action that takes too long',
    name: 'timeout',
    step: ({ slow }) => ({ image: slow.pinned, timeout: '6s' }),
    reason: 'DeadlineExceeded',
    sentence: /6 ?s/,
  },
  {
    title: 'no node with room for it',
    name: 'full',
    step: ({ huge }) => ({ image: huge.pinned, timeout: '10s' }),
    reason: 'ResourceExhausted',
    sentence: /node/i,
  },
  {
    title: 'a service account that nobody has made',
    name: 'account',
    step: ({ rights }) => ({ image: rights.pinned }),
    reason: 'ConfigurationError',
    sentence: /rights-sa/,
  },
  {
    title: 'an action that is not registered and names no image',
    name: 'unregistered',
    step: () => ({ actionType: 'kubernetes/nobody_knows' }),
    reason: 'ConfigurationError',
    sentence: /kubernetes\/nobody_knows/,
    neverStarted: true,
  },
];

/** Settings are watched. */
const inForceMs = 3_000;
const engines: readonly Engine[] = ['job', 'tekton'];

export function failures(place: () => Place): void {
  let world: Place;
  let images: Images;

  beforeAll(async () => {
    world = place();
    await world.configure({});
    const strict = { inputs: [{ name: 'replicas', type: 'integer', required: true, maximum: 20 }] };
    const permissions = [{ apiGroups: ['apps'], resources: ['deployments'], verbs: ['get'] }];
    const large = { requests: { cpu: '900', memory: '16Mi' }, limits: { cpu: '900', memory: '64Mi' } };
    images = {
      good: world.action('good', 'echo "{}"'),
      unsigned: world.action('unsigned', 'echo "{}"', { unsigned: true }),
      failing: world.action('failing', 'echo "nothing to be done" >&2; exit 1'),
      hungry: world.action('hungry', 'head -c 300000000 /dev/zero | tail -n 1'),
      // It ends when it is told to, unlike a plain sleep.
      slow: world.action('slow', 'trap "exit 143" TERM; sleep 600 & wait'),
      huge: world.action('huge', 'echo "{}"', { spec: { resources: large } }),
      strict: world.action('strict', 'echo "{}"', { spec: strict }),
      broken: world.action('broken', 'echo "{}"'),
      workspace: world.action('workspace', 'echo hello > /workspace/file; echo "{}"'),
      rights: world.action('rights', 'echo "{}"', { spec: { rbac: { permissions } } }),
      host: world.gate.registry.host,
    };
    // Whoever pulls does not get what whoever verifies has read.
    world.gate.registry.inject(/^GET \/v2\/actions\/broken\/blobs\//, (request, response, answer) =>
      String(request.headers['user-agent']).startsWith('containerd') ? void response.writeHead(404).end() : answer(),
    );
    // All at once: each waits for something else.
    for (const engine of engines) {
      for (const row of rows) await world.api.create(workflowOf(row, engine));
    }
  }, 240_000);

  function workflowOf({ name, step, spec = {} }: Row, engine: Engine): ApiObject {
    const failing = { name: 'first', ...step(images) };
    const after = { name: 'after', image: images.good.pinned, runAfter: ['first'] };
    const later = { name: 'later', image: images.good.pinned, runAfter: ['after'] };
    return world.workflow(`${name}-${engine}`, [failing, after, later], { spec, engine });
  }

  const madeFor = async (workflow: string): Promise<readonly string[]> => {
    const label = `kubernaut.io/workflow=${workflow}`;
    const kinds = [
      ['batch/v1', 'jobs'],
      ['v1', 'pods'],
      ['v1', 'persistentvolumeclaims'],
      ['tekton.dev/v1', 'taskruns'],
    ] as const;
    const found = await Promise.all(kinds.map(([apiVersion, plural]) => world.list(apiVersion, plural, label)));
    return found.flat().map(({ metadata }) => metadata.name);
  };

  /** Deleting the workflow takes everything along. */
  async function leavesNothing(workflow: ApiObject): Promise<void> {
    await world.api.remove(workflow);
    const { name } = workflow.metadata;
    const left = async (): Promise<readonly string[]> => [
      ...(await madeFor(name)),
      ...(await world.list('execution.kubernaut.ai/v1alpha1', 'actionexecutions', `kubernaut.io/workflow=${name}`)).map(
        ({ metadata }) => metadata.name,
      ),
      ...(await world.list('tekton.dev/v1', 'pipelineruns', `kubernaut.io/workflow=${name}`)).map(
        ({ metadata }) => metadata.name,
      ),
    ];
    await until(async () => (await left()).length === 0, 40_000);
    expect(await left()).toEqual([]);
  }

  const stepOf = (status: WorkflowStatus, name: string): WorkflowStatus['steps'][number] | undefined =>
    status.steps.find((step) => step.name === name);

  describe.each(engines)('on %s', (engine) => {
    test.each(rows)('$title', async (row) => {
      const workflow = workflowOf(row, engine);
      const status = await world.ended(workflow, 90_000);
      expect(status).toMatchObject({ phase: 'Failed', engine, failureDetails: { reason: row.reason } });
      const { failureDetails: details } = status;
      expect(details?.naturalLanguageSummary).toMatch(row.sentence);
      expect(details?.naturalLanguageSummary).toMatch(/^[A-Z].*\.$/s);
      expect(details?.naturalLanguageSummary).not.toContain('\n');
      expect(details?.failedStepName).toBe('first');
      expect(details).toMatchObject({ ...defined('code', row.code), ...defined('exitCode', row.exitCode) });
      expect(stepOf(status, 'first')?.phase).toBe('Failed');
      expect([stepOf(status, 'after')?.phase, stepOf(status, 'later')?.phase]).toEqual(['Skipped', 'Skipped']);
      const made = await madeFor(workflow.metadata.name);
      expect(made.filter((name) => /-(?:after|later)/.test(name))).toEqual([]);
      expect(row.neverStarted === true ? made : []).toEqual([]);
      await leavesNothing(workflow);
    });

    test('a step that somebody removes while it runs', async () => {
      const steps = [
        { name: 'first', image: images.slow.pinned },
        { name: 'after', image: images.good.pinned, runAfter: ['first'] },
      ];
      const workflow = world.workflow(`removed-${engine}`, steps, { engine });
      await world.api.create(workflow);
      const name = `removed-${engine}-first`;
      const run: ApiObject =
        engine === 'job'
          ? { apiVersion: 'batch/v1', kind: 'Job', metadata: { name, namespace: world.namespace } }
          : { apiVersion: 'tekton.dev/v1', kind: 'TaskRun', metadata: { name, namespace: world.namespace } };
      const isRunning = async (): Promise<boolean> =>
        (await world.status(workflow))?.steps.find((step) => step.name === 'first')?.phase === 'Running';
      expect(await until(isRunning, 40_000)).toBe(true);
      await world.api.remove(run);
      const status = await world.ended(workflow);
      expect(status).toMatchObject({ failureDetails: { reason: 'ExecutionRemoved', failedStepName: 'first' } });
      expect(stepOf(status, 'after')?.phase).toBe('Skipped');
      await leavesNothing(workflow);
    });

    test('a workspace that nobody provides', async () => {
      await world.configure({ 'workspace-storage-class': 'nowhere' });
      await sleep(inForceMs);
      const steps = [
        { name: 'first', image: images.workspace.pinned, usesWorkspace: true, timeout: '8s' },
        { name: 'after', image: images.good.pinned, runAfter: ['first'] },
      ];
      const workflow = world.workflow(`stuck-${engine}`, steps, { engine });
      await world.api.create(workflow);
      const status = await world.ended(workflow, 90_000);
      expect(status.failureDetails).toMatchObject({ reason: 'WorkspaceUnavailable', failedStepName: 'first' });
      expect(stepOf(status, 'after')?.phase).toBe('Skipped');
      await until(async () => (await claims()).length === 0, 20_000);
      expect(await claims()).toEqual([]);
      await leavesNothing(workflow);
      await world.configure({});
      await sleep(inForceMs);
    });

    test.each([
      [
        'a cycle',
        'cycle',
        [
          { name: 'first', runAfter: ['third'] },
          { name: 'second', runAfter: ['first'] },
          { name: 'third', runAfter: ['second'] },
          { name: 'behind', runAfter: ['third'] },
        ],
        /dependency cycle detected: steps involved in cycle: \[first second third\]/,
      ],
      [
        'a dependency that there is not',
        'unknown',
        [{ name: 'first', runAfter: ['nobody'] }],
        /invalid dependency: step first depends on non-existent step nobody/,
      ],
    ])('%s', async (_title, name, steps, message) => {
      const withImages = steps.map((step) => ({ ...step, image: images.good.pinned }));
      const workflow = world.workflow(`${name}-${engine}`, withImages, { engine });
      const status = await world.run(workflow);
      expect(status).toMatchObject({ phase: 'Failed', failureDetails: { reason: 'InvalidDependencyGraph' } });
      expect(status.failureDetails?.message).toMatch(message);
      expect(await madeFor(workflow.metadata.name)).toEqual([]);
      await leavesNothing(workflow);
    });

    test('a child of that name which belongs to somebody else is left alone', async () => {
      const name = `taken-${engine}`;
      const foreign: ApiObject =
        engine === 'job'
          ? {
              apiVersion: 'batch/v1',
              kind: 'Job',
              metadata: { name: `${name}-first`, namespace: world.namespace },
              spec: {
                suspend: true,
                template: { spec: { restartPolicy: 'Never', containers: [{ name: 'x', image: images.good.pinned }] } },
              },
            }
          : {
              apiVersion: 'tekton.dev/v1',
              kind: 'PipelineRun',
              metadata: { name, namespace: world.namespace },
              spec: {
                status: 'PipelineRunPending',
                pipelineSpec: {
                  tasks: [{ name: 'own', taskSpec: { steps: [{ name: 's', image: images.good.pinned }] } }],
                },
              },
            };
      await world.api.create(foreign);
      const before = JSON.stringify(specOf(await world.api.read(foreign)));
      const workflow = world.workflow(name, [{ name: 'first', image: images.good.pinned }], { engine });
      const status = await world.run(workflow);
      expect(status).toMatchObject({ phase: 'Failed', failureDetails: { reason: 'NameTaken' } });
      await world.api.remove(workflow);
      expect(JSON.stringify(specOf(await world.api.read(foreign)))).toBe(before);
      await world.api.remove(foreign);
    });

    test('two workflows of one name in both groups: the second fails, the first is not disturbed', async () => {
      const slow = world.action('twin', 'sleep 5; echo "{\\"done\\":true}"');
      const steps = [{ name: 'only', image: slow.pinned }];
      const first = world.workflow(`twin-${engine}`, steps, { engine });
      const second = world.workflow(`twin-${engine}`, steps, { engine, apiVersion: 'kubernaut.ai/v1alpha1' });
      await world.api.create(first);
      expect(await until(async () => (await world.status(first))?.phase === 'Executing', 20_000)).toBe(true);
      expect(await world.run(second)).toMatchObject({ phase: 'Failed', failureDetails: { reason: 'NameTaken' } });
      expect(await world.ended(first)).toMatchObject({ phase: 'Completed' });
      await world.api.remove(second);
      await leavesNothing(first);
    });

    test.each([
      ['a number beyond 2^53', { count: 1 }, '{"count":9007199254740993}', /count/],
      ['inputs of a megabyte', { text: 'x'.repeat(1024 * 1024) }, undefined, /122880/],
    ])('%s', async (title, inputs, raw, sentence) => {
      const name = `input-${title.includes('number') ? 'number' : 'size'}-${engine}`;
      const workflow = world.workflow(name, [{ name: 'only', image: images.good.pinned, inputs }], { engine });
      await createText(workflow, raw === undefined ? undefined : [JSON.stringify(inputs), raw]);
      const status = await world.ended(workflow);
      expect(status.failureDetails).toMatchObject({ reason: 'InvalidSpec' });
      expect(status.failureDetails?.naturalLanguageSummary).toMatch(sentence);
      expect(await madeFor(name)).toEqual([]);
      await world.api.remove(workflow);
    });

    test('inputs with whatever somebody may substitute arrive as they were written', async () => {
      const echo = world.action('echo', 'printf \'{"inputs":%s}\\n\' "$ACTION_INPUTS"', {
        spec: { inputs: [{ name: 'text', type: 'string', required: true }] },
      });
      const text = '$(params.actionType) $(HOME) $HOME $$(HOME) `id` $(id)\n"quoted" \\ – ünïcödé 🚀 \u2028 $';
      const steps = [{ name: 'only', image: echo.pinned, inputs: { text } }];
      const workflow = world.workflow(`echo-${engine}`, steps, { engine });
      const status = await world.run(workflow);
      expect(status).toMatchObject({ phase: 'Completed' });
      expect(stepOf(status, 'only')?.outputs).toEqual({ inputs: { text } });
      await leavesNothing(workflow);
    });

    test('outputs of 10 KiB over several lines are those that were printed', async () => {
      const printed = `printf '  {\\n    "text": "%s"\\n  }\\nnoise\\n' "$(head -c 10240 /dev/zero | tr '\\0' x)"`;
      const steps = [{ name: 'only', image: world.action('long', printed).pinned }];
      const workflow = world.workflow(`long-${engine}`, steps, { engine });
      const status = await world.run(workflow);
      expect(stepOf(status, 'only')).toMatchObject({ phase: 'Completed', outputs: { text: 'x'.repeat(10_240) } });
      await leavesNothing(workflow);
    });
  });

  test('nothing of all this is left', async () => {
    const left = await Promise.all(
      [
        ['batch/v1', 'jobs'],
        ['v1', 'pods'],
        ['v1', 'persistentvolumeclaims'],
        ['v1', 'secrets'],
        ['tekton.dev/v1', 'pipelineruns'],
        ['tekton.dev/v1', 'taskruns'],
        ['execution.kubernaut.ai/v1alpha1', 'actionexecutions'],
      ].map(async ([apiVersion = '', plural = '']) => (await world.list(apiVersion, plural)).map(nameOf)),
    );
    expect(left.flat()).toEqual([]);
  });

  const nameOf = ({ metadata }: { readonly metadata: { readonly name: string } }): string => metadata.name;
  const claims = async (): Promise<readonly string[]> => (await world.list('v1', 'persistentvolumeclaims')).map(nameOf);
  const specOf = (object: unknown): unknown => (object as { readonly spec?: unknown } | undefined)?.spec;

  async function createText(workflow: ApiObject, replaced: readonly string[] | undefined): Promise<void> {
    const [from, to] = replaced ?? [];
    if (from === undefined || to === undefined) {
      await world.api.create(workflow);
      return;
    }
    // JavaScript cannot write the number: the text goes out as it is.
    await world.api.createText(workflow, JSON.stringify(workflow).replace(from, to));
  }
}
