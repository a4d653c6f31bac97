/**
 * The Task that runs actions, and the PipelineRuns that are made of workflows, on a real Tekton: what arrives at an action,
 * what comes back, and that Tekton takes what we write. No controller of ours runs here.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { KubeObject } from '../../src/kernel/kube-object.ts';
import { asRecord } from '../../src/kernel/strict-json.ts';
import { inputsForTekton } from '../../src/workflow/inputs-json.ts';
import { metaTask } from '../../src/workflow/meta-task.ts';
import type { StepStatus, Workflow } from '../../src/workflow/model.ts';
import { parseWorkflow } from '../../src/workflow/parse-workflow.ts';
import { mirrorPipelineRun, type MirroredRun } from '../../src/workflow/pipeline-mirror.ts';
import { pipelineRunOf, type ProvenStep } from '../../src/workflow/pipeline-run.ts';
import { isLogNeeded } from '../../src/workflow/task-run.ts';
import { kubeconfig } from './access.ts';
import type { Api, ApiObject } from './gate/api.ts';
import { startGate, type Gate } from './gate/gate.ts';
import { runnableImage } from './gate/images.ts';
import { valueAt } from './gate/workloads.ts';
import { until } from './processes.ts';
import { tektonPrograms } from './tekton/programs.ts';
import { startTekton, type Tekton } from './tekton/start-tekton.ts';
import { startVolumes, type Volumes } from './volumes.ts';

const programs = await tektonPrograms();

/** Says what it was given, both ways. */
const echo = `#!/bin/sh
read -r line
printf '{"env":"%s","stdin":"%s","path":"%s"}\\n' \\
  "$(printf %s "$ACTION_INPUTS" | base64 -w0)" "$(printf %s "$line" | base64 -w0)" "$WORKSPACE_PATH"
`;

/** As the two documents have it, but for descriptions. */
const printedTasks: readonly (readonly [string, object])[] = [
  [
    'with the environment of V2',
    {
      workspaces: [{ name: 'workspace', optional: true }],
      env: [{ name: 'ACTION_INPUTS', value: '$(params.inputs)' }],
      script: 'echo "$ACTION_INPUTS" | /action-entrypoint\n',
    },
  ],
  [
    'from V1 on',
    {
      workspaces: [{ name: 'workspace', description: 'Shared workspace for multi-step workflows', optional: true }],
      env: [
        { name: 'ACTION_TYPE', value: '$(params.actionType)' },
        { name: 'ACTION_INPUTS', value: '$(params.inputs)' },
        { name: 'WORKSPACE_PATH', value: '$(workspaces.workspace.path)' },
      ],
      script: '#!/bin/sh\nset -e\n\necho "$ACTION_INPUTS" | /action-entrypoint\n',
    },
  ],
];

describe.runIf(programs !== undefined)('workflows as PipelineRuns', { timeout: 150_000, concurrent: true }, () => {
  let api: Api;
  let gate: Gate;
  let tekton: Tekton;
  let volumes: Volumes;
  /** Not opted in: what is tried here is Tekton. */
  let namespace = '';

  beforeAll(async () => {
    if (programs === undefined) return;
    gate = await startGate();
    api = gate.api;
    tekton = await startTekton(api, kubeconfig, programs);
    volumes = await startVolumes(api);
    namespace = await api.namespace({});
    await api.apply(metaTask(namespace));
  }, 240_000);
  afterAll(async () => {
    await volumes?.close();
    await tekton?.close();
    await gate?.close();
  }, 120_000);

  function action(name: string, script: string): string {
    const entrypoint = script.startsWith('#!') ? script : `#!/bin/sh\n${script}\n`;
    const entries = [
      { kind: 'file', path: 'action-entrypoint', content: Buffer.from(entrypoint), executable: true },
    ] as const;
    return runnableImage(gate.registry, `actions/${name}`, ['/action-entrypoint'], { entries, user: '1000' }).pinned;
  }

  function workflowOf(name: string, steps: readonly object[], more: object = {}, place = namespace): Workflow {
    const workflow = parseWorkflow({
      apiVersion: 'kubernaut.ai/v1alpha1',
      kind: 'WorkflowExecution',
      metadata: { name, namespace: place, uid: 'u', resourceVersion: '1', generation: 1 },
      spec: { steps, ...more },
    });
    if (!workflow.ok) throw new Error(workflow.failure.message);
    return workflow.value;
  }

  const settings = { stepTimeoutMs: 110_000, workspaceSize: '64Mi', workspaceStorageClass: '' };

  async function run(workflow: Workflow, proven: Partial<ProvenStep> = {}): Promise<MirroredRun> {
    const steps = workflow.steps.map((step) => ({ step, image: step.image ?? '', ...proven }));
    const { workspaceStorageClass: _, ...rest } = settings;
    const { apiVersion, kind, metadata, spec } = pipelineRunOf(workflow, steps, rest);
    // Without an owner: there is no workflow here, and the cluster would remove what belongs to none.
    const { ownerReferences: _none, ...named } = metadata;
    const object: ApiObject = { apiVersion, kind, metadata: named, spec };
    await api.create(object);
    const hasEnded = async (): Promise<boolean> =>
      ['True', 'False'].includes(String(valueAt(await api.read(object), 'status.conditions[0].status')));
    if (!(await until(hasEnded, 115_000))) throw new Error(JSON.stringify(await api.read(object)));
    return mirrored(workflow, object);
  }

  async function mirrored(workflow: Workflow, object: ApiObject): Promise<MirroredRun> {
    // As the API server has it.
    const pipelineRun = (await api.read(object)) as KubeObject;
    const taskRuns = await list('apis/tekton.dev/v1', 'taskruns', workflow);
    const pods = await list('api/v1', 'pods', workflow);
    const steps: readonly StepStatus[] = workflow.steps.map(({ name }) => ({ name, phase: 'Pending' }));
    const known = { steps, timeoutOf: () => settings.stepTimeoutMs };
    return mirrorPipelineRun({ pipelineRun, taskRuns, pods }, workflow, known, new Date());
  }

  async function list(root: string, plural: string, workflow: Workflow): Promise<readonly KubeObject[]> {
    const selector = encodeURIComponent(`kubernaut.io/workflow=${workflow.name}`);
    const answer = await api.get(`/${root}/namespaces/${workflow.namespace}/${plural}?labelSelector=${selector}`);
    const parsed: unknown = JSON.parse(answer.text);
    const items = asRecord(parsed)?.['items'];
    // The API server's own list.
    return Array.isArray(items) ? (items as KubeObject[]) : [];
  }

  const decoded = (value: unknown): string => Buffer.from(String(value), 'base64').toString();

  test('inputs arrive as they were written, in both ways', async () => {
    const inputs = {
      param: '$(params.actionType) $(context.taskRun.name) $(tasks.a.results.x)',
      variable: '$(HOME) $$(HOME) $HOME ${HOME} $ü $$',
      text: 'two\nlines\tand "quotes" and \\ and \' and `id`',
      unicode: 'ünï 🎉 \u2028',
      number: 10,
      nested: { list: [1.5, null, true] },
    };
    const image = action('echo', echo);
    const { outcome, steps } = await run(workflowOf('inputs', [{ name: 'a', image, inputs }]));
    expect(outcome).toBe('succeeded');
    const { env, stdin, path } = steps[0]?.outputs ?? {};
    expect(decoded(env)).toBe(inputsForTekton(inputs));
    expect(JSON.parse(decoded(env))).toEqual(inputs);
    expect(decoded(stdin)).toBe(decoded(env));
    expect(path).toBe('');
    expect(steps[0]).toMatchObject({ phase: 'Completed', attempts: 1, executionName: 'inputs-a' });
  });

  test('the exit code of an action is that of its step, and its result is kept', async () => {
    const image = action('seven', `echo '{"done":"half"}'; echo noise; exit 7`);
    const { outcome, steps } = await run(
      workflowOf('seven', [
        { name: 'a', image },
        { name: 'b', image, runAfter: ['a'] },
      ]),
    );
    expect(outcome).toBe('failed');
    expect(steps[0]).toMatchObject({
      phase: 'Failed',
      outputs: { done: 'half' },
      failureDetails: { reason: 'TaskFailed', exitCode: 7, wasExecutionFailure: true },
    });
    expect(steps[1]).toMatchObject({ phase: 'Skipped' });
  });

  test.each([
    ['long', `head -c 6000 /dev/zero | tr '\\0' x`],
    ['quotes', `head -c 1800 /dev/zero | tr '\\0' '>'`],
  ])('a result that is too much fails nothing: %s', async (name, filler) => {
    const image = action(`big-${name}`, `printf '{"a":"%s"}\\n' "$(${filler})"`);
    const { outcome, steps } = await run(workflowOf(`big-${name}`, [{ name: 'a', image }]));
    expect(outcome).toBe('succeeded');
    // Who runs workflows reads the log instead: workflows/failures.test.ts.
    expect(steps[0]?.outputs).toMatchObject({ truncated: true });
  });

  test('a result is empty when nothing is printed that could be one', async () => {
    const workflow = workflowOf('nothing', [{ name: 'a', image: action('nothing', 'echo done') }]);
    const { steps } = await run(workflow);
    expect(steps[0]).toMatchObject({ phase: 'Completed' });
    const [taskRun] = await list('apis/tekton.dev/v1', 'taskruns', workflow);
    expect(valueAt(taskRun, 'status.results')).toMatchObject([{ name: 'outputs', value: '' }]);
    expect(taskRun && isLogNeeded(taskRun)).toBe(false);
  });

  test('a result that is just not too much arrives', async () => {
    const image = action('fits', `printf '{"a":"%s"}\\n' "$(head -c 3000 /dev/zero | tr '\\0' x)"`);
    const { outcome, steps } = await run(workflowOf('fits', [{ name: 'a', image }]));
    expect(outcome).toBe('succeeded');
    expect(String(steps[0]?.outputs?.['a'])).toHaveLength(3_000);
  });

  test('an action has a workspace where Jobs have it, whoever it runs as', async () => {
    const write = action('write', 'echo kept > /workspace/file; echo "{}"');
    const read = action(
      'read',
      `printf '{"file":"%s","path":"%s"}\\n' "$(cat "$WORKSPACE_PATH/file")" "$WORKSPACE_PATH"`,
    );
    const workflow = workflowOf('shared', [
      { name: 'write', image: write, usesWorkspace: true },
      { name: 'read', image: read, usesWorkspace: true, runAfter: ['write'] },
    ]);
    const template = {
      metadata: { labels: {}, annotations: {} },
      spec: { automountServiceAccountToken: false, securityContext: { fsGroup: 65532 }, containers: [{}] },
    };
    const { outcome, steps } = await run(workflow, { template });
    expect(outcome).toBe('succeeded');
    expect(steps[1]?.outputs).toEqual({ file: 'kept', path: '/workspace' });
    const claims = await list('api/v1', 'persistentvolumeclaims', workflow);
    expect(claims.map(({ metadata }) => metadata.labels)).toEqual([
      expect.objectContaining({ 'countersign.dev/engine': 'tekton' }),
    ]);
    expect(claims[0]?.metadata.ownerReferences).toEqual([
      expect.objectContaining({ kind: 'PipelineRun', controller: true }),
    ]);
  });

  test('Tekton takes what contract, retries and timeouts make of a run, and ends it in time', async () => {
    const image = action('sleep', 'sleep 60');
    const workflow = workflowOf('slow', [{ name: 'a', image, timeout: '4s', retries: 1 }], { timeout: '2m' });
    const template = {
      metadata: { labels: {}, annotations: {} },
      spec: {
        serviceAccountName: 'default',
        automountServiceAccountToken: false,
        containers: [{ resources: { requests: { memory: '16Mi' }, limits: { memory: '64Mi' } } }],
      },
    };
    const { outcome, steps } = await run(workflow, { template });
    expect(outcome).toBe('failed');
    expect(steps[0]).toMatchObject({ phase: 'Failed', attempts: 2, failureDetails: { reason: 'DeadlineExceeded' } });
    expect(await list('api/v1', 'persistentvolumeclaims', workflow)).toEqual([]);
  });

  test('the script needs nothing that it could write to', async () => {
    const place = await api.namespace({});
    const task = metaTask(place);
    const spec = asRecord(task['spec']) ?? {};
    const steps: readonly unknown[] = Array.isArray(spec['steps']) ? spec['steps'] : [];
    const securityContext = { readOnlyRootFilesystem: true, runAsNonRoot: true, runAsUser: 1000 };
    await api.apply({
      ...task,
      spec: { ...spec, steps: steps.map((step) => ({ ...asRecord(step), securityContext })) },
    });
    const image = action('read-only', `touch /tmp/x 2>/dev/null && exit 9; echo '{"a":1}'`);
    const { outcome, steps: ran } = await run(workflowOf('read-only', [{ name: 'a', image }], {}, place));
    expect(outcome).toBe('succeeded');
    expect(ran[0]?.outputs).toEqual({ a: 1 });
  });

  test.each(printedTasks)('a Task as the documents print it is as good, without results: %s', async (_, printed) => {
    const place = await api.namespace({});
    const { workspaces, env, script } = { workspaces: [], env: [], script: '', ...printed };
    await api.apply({
      apiVersion: 'tekton.dev/v1',
      kind: 'Task',
      metadata: { name: 'kubernaut-action', namespace: place },
      spec: {
        params: ['actionType', 'actionImage', 'inputs'].map((name) => ({ name, type: 'string' })),
        workspaces,
        steps: [{ name: 'execute', image: '$(params.actionImage)', env, script }],
        results: [{ name: 'outputs', description: 'JSON outputs' }],
      },
    });
    const image = action('echo', echo);
    const { outcome, steps } = await run(workflowOf('printed', [{ name: 'a', image }], {}, place));
    expect(outcome).toBe('succeeded');
    expect(steps[0]).toMatchObject({ phase: 'Completed' });
    expect(steps[0]).not.toHaveProperty('outputs');
  });
});
