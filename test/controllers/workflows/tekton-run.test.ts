import { describe, expect, test } from 'vitest';
import { tektonEngine } from '../../../src/controllers/workflows/tekton-engine.ts';
import { failure, type Failure } from '../../../src/kernel/failure.ts';
import { fail, ok } from '../../../src/kernel/result.ts';
import { asRecord } from '../../../src/kernel/strict-json.ts';
import type { Actions } from '../../../src/ports/actions.ts';
import { kinds } from '../../../src/workflow/kinds.ts';
import { metaTask } from '../../../src/workflow/meta-task.ts';
import { fakeTekton, type FakeTekton, type TaskEnding } from '../../fakes/fake-tekton.ts';
import { image, sixSteps, world, type StepSpec, type WorldOptions } from './world.ts';

interface Options extends WorldOptions {
  readonly endings?: Readonly<Record<string, TaskEnding>>;
  /** By image. */
  readonly refusals?: Record<string, Failure>;
}

function tektonWorld({ endings = {}, refusals = {}, ...options }: Options = {}) {
  const asked: string[] = [];
  const actions: Actions = {
    prove: (action) => {
      asked.push(action.image);
      const refused = refusals[action.image];
      if (refused !== undefined) return Promise.resolve(fail(refused));
      return Promise.resolve(
        ok({ image: action.image, signers: ['sha256:1'], template: action.template, warnings: [] }),
      );
    },
  };
  let tekton: FakeTekton | undefined;
  const one = world({
    ...options,
    settings: { tekton: { enabled: true, stage: 'all', includeDependencies: false, trackingActionExecutions: false } },
    tekton: (objects) => tektonEngine({ objects, actions }),
    others: (cluster, now) => {
      const ending = (task: string): TaskEnding => endings[task] ?? { kind: 'succeeds', outputs: `{"step":"${task}"}` };
      tekton ??= fakeTekton(cluster, { now, ending });
      tekton.round();
    },
  });
  const place = { kind: kinds.pipelineRun, namespace: 'apps', name: 'w' };
  return { ...one, asked, place, ran: () => tekton?.runs ?? [] };
}

const everyStepOnce = ['w/a', 'w/b', 'w/c', 'w/d', 'w/e', 'w/f'];
const phases = ({ status }: ReturnType<typeof tektonWorld>): Readonly<Record<string, string>> =>
  Object.fromEntries(status('w').steps.map(({ name, phase }) => [name, phase]));
const three: readonly StepSpec[] = [
  { name: 'a' },
  { name: 'b' },
  { name: 'c', runAfter: ['a', 'b'], usesWorkspace: true },
];

describe('a workflow on Tekton', () => {
  test('runs as one PipelineRun, and its steps say what the TaskRuns say', async () => {
    const one = tektonWorld();
    one.apply('w', sixSteps);
    await one.run(1);
    expect(one.status('w')).toMatchObject({ phase: 'Initializing', engine: 'tekton' });
    await one.run(1);
    expect(one.status('w')).toMatchObject({
      phase: 'Executing',
      message: 'PipelineRun created, monitoring execution',
      executionRef: { kind: 'PipelineRun', name: 'w' },
    });
    await one.run();
    expect(one.status('w')).toMatchObject({ phase: 'Completed', message: 'All steps completed' });
    expect(one.status('w').steps[4]).toMatchObject({
      name: 'e',
      phase: 'Completed',
      executionName: 'w-e',
      podName: 'w-e-pod',
      image,
      signers: ['sha256:1'],
      attempts: 1,
      outputs: { step: 'e' },
    });
    expect(one.ran().toSorted()).toEqual(everyStepOnce);
    expect(one.cluster.all(kinds.action)).toEqual([]);
  });

  test('has the Task made where there is none, and its claim removed at the end', async () => {
    const one = tektonWorld();
    one.apply('w', three);
    await one.run(4);
    expect(one.cluster.all(kinds.claim)).toHaveLength(1);
    expect(one.status('w').workspacePVC).toBe(one.cluster.all(kinds.claim)[0]?.metadata.name);
    await one.run();
    expect(one.cluster.all(kinds.task)).toHaveLength(1);
    expect(one.cluster.all(kinds.claim)).toEqual([]);
    expect(one.status('w').workspacePVC).toBeUndefined();
    expect(one.cluster.all(kinds.pipelineRun)).toHaveLength(1);
  });

  test('uses the Task that is there as it is', async () => {
    const one = tektonWorld();
    const theirs = { ...metaTask('apps'), spec: { steps: [] } };
    one.cluster.put(theirs);
    one.apply('w', three);
    await one.run();
    expect(one.status('w').phase).toBe('Completed');
    expect(one.cluster.all(kinds.task)[0]).toMatchObject({ spec: { steps: [] } });
  });

  test('goes on where the Task may not be made: Tekton says whether it is missing', async () => {
    const one = tektonWorld();
    one.cluster.refuse = (_, kind) => (kind === 'Task' ? { status: 403, message: 'no' } : undefined);
    one.apply('w', three);
    await one.run();
    expect(one.status('w').phase).toBe('Completed');
  });

  test('of which every image was proven once, in spite of setbacks', async () => {
    const one = tektonWorld();
    one.cluster.put(metaTask('apps'));
    one.apply('w', three);
    await one.run();
    expect(one.asked).toHaveLength(3);
  });

  describe('whose result does not have what an action has printed', () => {
    const pod = { namespace: 'apps', name: 'w-a-pod' };
    const large = JSON.stringify({ text: 'x'.repeat(10_000) }, undefined, 2);
    const logsRead = ({ cluster }: ReturnType<typeof tektonWorld>): number => cluster.calls.get('logTail Pod') ?? 0;
    function printing(outputs: string | undefined, log: string) {
      const one = tektonWorld({ endings: { a: { kind: 'succeeds', ...(outputs !== undefined && { outputs }) } } });
      one.cluster.setLog(pod, log);
      one.apply('w', three);
      return one;
    }

    test.each([
      ['is missing', undefined],
      ['was too much', '{"truncated":true,"bytes":9000}'],
      ['is no JSON', '{"text":'],
    ])('and %s is read from its log, once', async (_, outputs) => {
      const one = printing(outputs, `noise\n${large}\nmore`);
      await one.run();
      expect(one.status('w').steps[0]).toMatchObject({ phase: 'Completed', outputs: JSON.parse(large) });
      expect(logsRead(one)).toBe(1);
    });

    test.each([
      ['that has everything', '{"a":1}', { a: 1 }],
      ['that says that there is nothing', '', undefined],
    ])('but has one %s is believed', async (_, written, outputs) => {
      const one = printing(written, '{"of":"the log"}');
      await one.run();
      expect(one.status('w').steps[0]?.outputs).toEqual(outputs);
      expect(logsRead(one)).toBe(0);
    });

    test('is completed without outputs when nothing is printed', async () => {
      const one = printing(undefined, 'done');
      await one.run();
      expect(one.status('w').phase).toBe('Completed');
      expect(one.status('w').steps[0]).not.toHaveProperty('outputs');
    });

    test('is asked for its log again for a minute, then completed with what there is', async () => {
      const one = printing('{"truncated":true}', '{"a":1}');
      one.cluster.refuse = (verb) => (verb === 'logTail' ? 'unavailable' : undefined);
      await one.run(8);
      expect(phases(one)['a']).toBe('Running');
      await one.run(100);
      expect(one.status('w')).toMatchObject({ phase: 'Completed' });
      expect(one.status('w').steps[0]?.outputs).toEqual({ truncated: true });
    });

    test('is what it has printed before it failed', async () => {
      const terminated = { exitCode: 3, reason: 'Error', startedAt: '2026-01-01T00:00:00Z' };
      const failing = { kind: 'fails', reason: 'Failed', message: 'exit code 3', container: terminated } as const;
      const one = tektonWorld({ endings: { a: failing } });
      one.cluster.setLog(pod, '{"done":"half"}');
      one.apply('w', three);
      await one.run();
      expect(one.status('w').steps[0]).toMatchObject({ phase: 'Failed', outputs: { done: 'half' } });
    });
  });

  test('writes nothing when nothing happens', async () => {
    const one = tektonWorld({ endings: { a: { kind: 'stays' } } });
    one.apply('w', three);
    await one.run(10);
    const calls = one.cluster.callCount();
    await one.run(100);
    expect(one.cluster.callCount()).toBe(calls);
  });
});

const everyEnd: Readonly<Record<string, TaskEnding>> = {
  completed: { kind: 'succeeds' },
  failed: { kind: 'fails', reason: 'Failed', message: 'exit 1' },
  'going on': { kind: 'stays' },
};

describe.each(Object.entries(everyEnd))('whose second step is %s', (_, ending) => {
  test('once it was decided upon, there is nothing more to decide until something happens', async () => {
    const one = tektonWorld({ endings: { b: ending } });
    one.apply('w', three);
    const further: number[] = [];
    for (let round = 0; round < 15; round += 1) {
      await one.reconcileAll();
      const calls = one.cluster.callCount();
      // Two decisions each: that it begins and its beginning, its end and that its history is kept.
      const isExecuting = one.status('w').phase === 'Executing';
      await one.reconcileAll();
      if (isExecuting) further.push(one.cluster.callCount() - calls);
      one.runActions();
      one.advance(1_000);
    }
    expect(further.length).toBeGreaterThan(2);
    expect(new Set(further)).toEqual(new Set([0]));
  });
});

describe('nothing is created', () => {
  const other = `registry.test/actions/other@sha256:${'b'.repeat(64)}`;
  const twoImages = [{ name: 'a' }, { name: 'b', image: other }];

  test('when one image is refused', async () => {
    const one = tektonWorld({ refusals: { [other]: failure('SIGNATURE_MISSING', 'no signature') } });
    one.apply('w', twoImages);
    await one.run();
    expect(one.cluster.all(kinds.pipelineRun)).toEqual([]);
    expect(one.status('w')).toMatchObject({
      phase: 'Failed',
      failureDetails: {
        reason: 'Forbidden',
        code: 'SIGNATURE_MISSING',
        failedStepName: 'b',
        wasExecutionFailure: false,
      },
    });
    expect(phases(one)).toEqual({ a: 'Skipped', b: 'Failed' });
  });

  test('while it is not known what an image is, and then it goes on', async () => {
    const refusals: Record<string, Failure> = { [other]: failure('REGISTRY_UNREACHABLE', 'out of order', 5) };
    const one = tektonWorld({ refusals });
    one.apply('w', twoImages);
    await one.run(10);
    expect(one.status('w')).toMatchObject({ phase: 'Initializing' });
    expect(one.status('w').message).toContain('out of order');
    delete refusals[other];
    await one.run();
    expect(one.status('w').phase).toBe('Completed');
  });

  test('when that is not known for as long as the step may take', async () => {
    const one = tektonWorld({ refusals: { [other]: failure('REGISTRY_UNREACHABLE', 'out of order', 5) } });
    one.apply('w', [{ name: 'a' }, { name: 'b', image: other, timeout: '20s' }]);
    await one.run(40);
    expect(one.status('w')).toMatchObject({ phase: 'Failed', failureDetails: { code: 'REGISTRY_UNREACHABLE' } });
  });

  test('when a step has no image', async () => {
    const one = tektonWorld();
    one.apply('w', [{ name: 'a' }, { name: 'b', image: undefined, actionType: 'x/y' }]);
    await one.run();
    expect(one.status('w')).toMatchObject({ phase: 'Failed', failureDetails: { reason: 'ConfigurationError' } });
    expect(one.cluster.all(kinds.pipelineRun)).toEqual([]);
  });

  test('when the name belongs to somebody else, who keeps it', async () => {
    const one = tektonWorld();
    const { apiVersion, kind } = kinds.pipelineRun;
    const theirs = one.cluster.put({
      apiVersion,
      kind,
      metadata: { name: 'w', namespace: 'apps' },
      spec: { status: 'x' },
    });
    one.apply('w', three);
    await one.run(5);
    expect(one.status('w')).toMatchObject({ phase: 'Failed', failureDetails: { reason: 'NameTaken' } });
    expect(one.cluster.all(kinds.pipelineRun)).toMatchObject([
      { metadata: { uid: theirs.metadata.uid }, spec: { status: 'x' } },
    ]);
  });

  test('when the API server refuses the run', async () => {
    const one = tektonWorld();
    one.cluster.refuse = (_, kind) => (kind === 'PipelineRun' ? { status: 400, message: 'bad' } : undefined);
    one.apply('w', three);
    await one.run(5);
    expect(one.status('w')).toMatchObject({
      phase: 'Failed',
      failureDetails: { reason: 'InvalidSpec', message: 'bad' },
    });
  });

  test('of what is suspended after it was initialized, until it is not', async () => {
    const one = tektonWorld();
    one.apply('w', three);
    await one.run(1);
    one.change('w', { suspend: true });
    await one.run(5);
    expect(one.cluster.all(kinds.pipelineRun)).toEqual([]);
    one.change('w', { suspend: false });
    await one.run();
    expect(one.status('w').phase).toBe('Completed');
  });
});

const terminated = (reason: string, exitCode: number): object => ({
  reason,
  exitCode,
  startedAt: '2026-01-01T00:00:03Z',
  finishedAt: '2026-01-01T00:00:04Z',
});

describe('a step that fails', () => {
  test.each([
    [
      'exit code',
      { reason: 'Failed', message: '"step-execute" exited with code 3', container: terminated('Error', 3) },
      { reason: 'TaskFailed', exitCode: 3 },
    ],
    [
      'memory',
      { reason: 'StepOOM', message: 'OOMKilled', container: terminated('OOMKilled', 137) },
      { reason: 'OOMKilled', exitCode: 137 },
    ],
    [
      'image',
      { reason: 'TaskRunImagePullFailed', message: 'the step "execute" failed to pull the image' },
      { reason: 'ImagePullBackOff' },
    ],
    ['time', { reason: 'TaskRunTimeout', message: 'failed to finish within "1s"' }, { reason: 'DeadlineExceeded' }],
    [
      'no Task',
      { reason: 'CouldntGetTask', message: 'tasks.tekton.dev "kubernaut-action" not found' },
      { reason: 'ConfigurationError' },
    ],
    [
      'refused by the gate',
      {
        reason: 'PodCreationFailed',
        message: `failed to create task run pod "w-a": admission webhook "v.countersign.dev" denied the request: SIGNATURE_MISSING: no signature: spec.containers[0].image "x" [request 1]. Maybe missing or invalid Task apps/kubernaut-action`,
      },
      { reason: 'Forbidden', code: 'SIGNATURE_MISSING' },
    ],
  ])('for %s', async (_, how, details) => {
    const one = tektonWorld({ endings: { a: { kind: 'fails', ...how } as TaskEnding } });
    one.apply('w', three);
    await one.run();
    expect(one.status('w')).toMatchObject({
      phase: 'Failed',
      failureDetails: { ...details, failedStepName: 'a', failedTaskIndex: 0 },
    });
    expect(phases(one)).toEqual({ a: 'Failed', b: 'Completed', c: 'Skipped' });
    expect(one.cluster.all(kinds.claim)).toEqual([]);
  });

  test('because it waited for a volume in vain says so, though Tekton has removed its Pod', async () => {
    const scheduled = {
      type: 'PodScheduled',
      status: 'False',
      reason: 'Unschedulable',
      message: 'unbound immediate PersistentVolumeClaims',
    };
    const endings: Record<string, TaskEnding> = {
      a: { kind: 'stays', pod: { phase: 'Pending', conditions: [scheduled] } },
    };
    const one = tektonWorld({ endings });
    one.apply('w', three);
    await one.run(6);
    expect(one.status('w').steps[0]?.message).toContain('Unschedulable');
    one.cluster.drop({ kind: kinds.pod, namespace: 'apps', name: 'w-a-pod' });
    endings['a'] = { kind: 'fails', reason: 'TaskRunTimeout', message: 'failed to finish within "1s"' };
    await one.run();
    expect(one.status('w').failureDetails).toMatchObject({
      reason: 'WorkspaceUnavailable',
      wasExecutionFailure: false,
    });
  });
});

describe('tracking ActionExecutions', () => {
  test.each([
    ['completed', {}, 'Completed'],
    ['failed', { a: { kind: 'fails', reason: 'Failed', message: 'exit 1' } as const }, 'Failed'],
  ])('say what the TaskRuns say, and run nothing: %s', async (_, endings, phase) => {
    const one = tektonWorld({ endings });
    one.apply('w', three, { trackingActionExecutions: true });
    await one.run();
    expect(one.status('w').phase).toBe(phase);
    const actions = one.cluster.all(kinds.action);
    expect(actions[0]).toMatchObject({
      metadata: { name: 'w-a' },
      spec: { mirrors: 'w-a' },
      status: { phase, executionName: 'w-a', attempts: 1 },
    });
    expect(actions.map(({ metadata }) => metadata.name)).toEqual(
      phase === 'Failed' ? ['w-a', 'w-b'] : ['w-a', 'w-b', 'w-c'],
    );
    expect(one.runs).toEqual([]);
  });

  test('that cannot be created fail nothing', async () => {
    const one = tektonWorld();
    one.cluster.refuse = (_, kind) => (kind === 'ActionExecution' ? { status: 403, message: 'no' } : undefined);
    one.apply('w', three, { trackingActionExecutions: true });
    await one.run();
    expect(one.status('w').phase).toBe('Completed');
  });

  test('that cannot be created fail nothing, however many there are', async () => {
    const one = tektonWorld();
    one.cluster.refuse = (_, kind) => (kind === 'ActionExecution' ? { status: 403, message: 'no' } : undefined);
    const many = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => ({ name }));
    one.apply('w', many, { trackingActionExecutions: true });
    await one.run();
    expect(one.status('w').phase).toBe('Completed');
  });
});

describe('somebody from outside', () => {
  const stays: TaskEnding = { kind: 'stays' };

  test('cancels the workflow', async () => {
    const one = tektonWorld({ endings: { a: stays } });
    one.apply('w', three);
    await one.run(6);
    one.change('w', { cancel: true });
    await one.run();
    expect(asRecord(one.cluster.get(one.place)?.['spec'])?.['status']).toBe('Cancelled');
    expect(one.status('w')).toMatchObject({ phase: 'Failed', failureDetails: { reason: 'Cancelled' } });
    expect(phases(one)).toEqual({ a: 'Cancelled', b: 'Completed', c: 'Cancelled' });
  });

  test('cancels the PipelineRun', async () => {
    const one = tektonWorld({ endings: { a: stays } });
    one.apply('w', three);
    await one.run(6);
    const run = one.cluster.get(one.place);
    if (run !== undefined) one.cluster.put({ ...run, spec: { ...asRecord(run['spec']), status: 'Cancelled' } });
    await one.run();
    expect(one.status('w')).toMatchObject({ phase: 'Failed', failureDetails: { reason: 'Cancelled' } });
  });

  test('removes the PipelineRun', async () => {
    const one = tektonWorld({ endings: { a: stays } });
    one.apply('w', three);
    await one.run(6);
    one.cluster.drop(one.place);
    await one.run(2);
    expect(one.status('w').phase).toBe('Executing');
    await one.run(10);
    expect(one.status('w')).toMatchObject({ phase: 'Failed', failureDetails: { reason: 'ExecutionRemoved' } });
    expect(phases(one)).toEqual({ a: 'Failed', b: 'Completed', c: 'Skipped' });
    expect(one.cluster.all(kinds.pipelineRun)).toEqual([]);
  });

  test('removes a TaskRun: what else runs is stopped', async () => {
    const one = tektonWorld({ endings: { a: stays, b: stays } });
    one.apply('w', three);
    await one.run(6);
    one.cluster.drop({ kind: kinds.taskRun, namespace: 'apps', name: 'w-a' });
    await one.run(20);
    expect(one.status('w')).toMatchObject({
      phase: 'Failed',
      failureDetails: { reason: 'ExecutionRemoved', failedStepName: 'a' },
    });
    expect(phases(one)).toEqual({ a: 'Failed', b: 'Cancelled', c: 'Skipped' });
  });

  test('removes Tekton', async () => {
    const one = tektonWorld({ endings: { a: stays } });
    one.apply('w', three);
    await one.run(6);
    for (const kind of [kinds.pipelineRun, kinds.taskRun]) one.cluster.unserve(kind);
    await one.run(25);
    expect(one.status('w').phase).toBe('Executing');
    await one.run(10);
    expect(one.status('w')).toMatchObject({ phase: 'Failed', failureDetails: { reason: 'UnsupportedEngine' } });
  });

  test('removes Tekton before there is a run, and brings it back', async () => {
    const one = tektonWorld();
    one.apply('w', three);
    await one.run(1);
    one.cluster.unserve(kinds.pipelineRun);
    await one.run(10);
    expect(one.status('w').phase).toBe('Initializing');
    one.cluster.serve(kinds.pipelineRun);
    await one.run();
    expect(one.status('w').phase).toBe('Completed');
  });
});

describe('a kill', () => {
  test.each(['before', 'after'] as const)('%s each call does no harm', async (when) => {
    const first = tektonWorld();
    first.apply('w', sixSteps);
    await first.run();
    const calls = first.cluster.callCount();
    expect(calls).toBeGreaterThan(8);
    for (let at = 1; at <= calls; at += 1) {
      const one = tektonWorld();
      one.apply('w', sixSteps);
      one.cluster.failAfter(at, when);
      expect(await one.runThroughKills(), `call ${at}`).toBe(1);
      expect(one.status('w').phase, `call ${at}`).toBe('Completed');
      expect(
        one.status('w').steps.every(({ signers }) => signers?.length === 1),
        `call ${at}`,
      ).toBe(true);
      expect(one.ran().toSorted(), `call ${at}`).toEqual(everyStepOnce);
      expect(one.cluster.all(kinds.claim), `call ${at}`).toEqual([]);
    }
  });

  test('a process that sees everything late comes to the same end', async () => {
    let count = 0;
    const one = tektonWorld({ isStale: () => (count += 1) % 3 === 0 });
    one.apply('w', sixSteps);
    await one.run(80);
    expect(one.status('w').phase).toBe('Completed');
    expect(one.ran().toSorted()).toEqual(everyStepOnce);
  });
});
