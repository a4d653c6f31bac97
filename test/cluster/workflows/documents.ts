/**
 * The workflows of the design documents with real actions, on Jobs and on Tekton from the same YAML, applied with kubectl.
 * What is changed of them: the digests, which are placeholders there, the address of the Git repository, and inputs that the
 * documents leave out.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import type { Engine, StepStatus, WorkflowStatus } from '../../../src/workflow/model.ts';
import { pushActions, registryConfigMap } from '../../actions/build.ts';
import { startGitServer, type GitServer } from '../../actions/git-server.ts';
import { kubeconfig } from '../access.ts';
import type { ApiObject } from '../gate/api.ts';
import { deployment, valueAt } from '../gate/workloads.ts';
import { until } from '../processes.ts';
import { findKubePrograms } from '../programs.ts';
import { record, type Recorder } from './recorder.ts';
import { optIn, settingsMap, type Place } from './world.ts';

const kubectl = (await findKubePrograms())?.kubectl ?? 'kubectl';
const system = 'kubernaut-system';
const root = join(import.meta.dirname, '../../..');

interface Sample {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly spec: { readonly workflowType?: string; readonly steps: readonly SampleStep[] };
}

interface SampleStep {
  readonly name: string;
  readonly actionType?: string;
  readonly inputs?: Readonly<Record<string, unknown>>;
}

/** To be run with a timeout of 180 s. */
export function documents(place: () => Place): void {
  let world: Place;
  let optOut: (() => Promise<void>) | undefined;
  let git: GitServer;
  let idle: object;
  let actions: ReadonlyMap<string, string>;
  let jobs: Recorder;
  let taskRuns: Recorder;

  beforeAll(async () => {
    optOut = await optIn(place().api, system);
    world = place().within(system);
    actions = await pushActions(world.gate.registry, world.gate.key);
    git = await startGitServer({ 'production/payment-service.yaml': manifest });
    apply(['-k', join(root, 'manifests/actions')]);
    await world.api.apply(registryConfigMap(actions, settingsMap.namespace));
    // Nobody schedules its Pods.
    idle = { schedulerName: 'nobody', containers: [{ name: 'main', image: world.action('idle', 'true').pinned }] };
    for (const namespace of ['production', system]) {
      await world.api.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
      apply([`--namespace=${namespace}`, '-k', join(root, 'manifests/actions/targets')]);
      await world.api.apply(deployment(namespace, 'payment-service', 1, idle));
    }
    const at = (path: string): Promise<Recorder> => record(world.api.config, path);
    jobs = await at(`/apis/batch/v1/namespaces/${system}/jobs`);
    taskRuns = await at(`/apis/tekton.dev/v1/namespaces/${system}/taskruns`);
  }, 300_000);
  afterAll(async () => {
    jobs?.close();
    taskRuns?.close();
    run(['delete', '--ignore-not-found', '-k', join(root, 'manifests/actions')]);
    await world?.api.remove({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'production' } });
    await git?.close();
    await optOut?.();
  }, 180_000);

  const run = (args: readonly string[], input = ''): { readonly status: number | null; readonly text: string } => {
    const { status, stdout, stderr } = spawnSync(kubectl, [`--kubeconfig=${kubeconfig}`, ...args], {
      input,
      encoding: 'utf8',
      timeout: 60_000,
    });
    return { status, text: stdout + stderr };
  };
  function apply(args: readonly string[], input?: string): void {
    const { status, text } = run(['apply', ...args], input);
    if (status !== 0) throw new Error(`kubectl apply ${args.join(' ')}: ${text}`);
  }

  /** A sample with what has to be real in it. */
  function sample(file: string, inputs: Readonly<Record<string, object>> = {}): Sample {
    const text = readFileSync(join(root, 'test/fixtures/workflows', file), 'utf8');
    // Our own files.
    const found = parse(text) as Sample;
    const steps = found.spec.steps.map((step) => ({
      ...step,
      image: actions.get(step.actionType ?? '') ?? '',
      inputs: { ...step.inputs, ...inputs[step.name] },
    }));
    return { ...found, metadata: { ...found.metadata, namespace: system }, spec: { ...found.spec, steps } };
  }

  const objectOf = ({ apiVersion, kind, metadata }: Sample): ApiObject => ({ apiVersion, kind, metadata });

  async function completed(workflow: Sample): Promise<WorkflowStatus> {
    apply(['-f', '-'], stringify(workflow));
    const status = await world.ended(objectOf(workflow), 150_000);
    expect(status).toMatchObject({ phase: 'Completed' });
    expect(status.steps.map(({ phase }) => phase)).toEqual(workflow.spec.steps.map(() => 'Completed'));
    return status;
  }

  async function removed(workflow: Sample): Promise<void> {
    await world.api.remove(objectOf(workflow));
    const isGone = async (): Promise<boolean> =>
      (await world.list('v1', 'pods', `kubernaut.io/workflow=${workflow.metadata.name}`)).length === 0;
    expect(await until(isGone, 40_000)).toBe(true);
    const claims = (): ReturnType<Place['list']> => world.list('v1', 'persistentvolumeclaims');
    await until(async () => (await claims()).length === 0, 20_000);
    expect(await claims()).toEqual([]);
  }

  const stepOf = (status: WorkflowStatus, name: string): StepStatus => {
    const found = status.steps.find((step) => step.name === name);
    if (found === undefined) throw new Error(`there is no step ${name}`);
    return found;
  };
  const replicas = async (namespace: string): Promise<unknown> =>
    valueAt(await world.api.read(deployment(namespace, 'payment-service', 0, idle)), 'spec.replicas');

  describe.each<Engine>(['job', 'tekton'])('on %s', (engine) => {
    beforeAll(async () => {
      await world.configure({ 'tekton.stage': engine === 'job' ? 'off' : 'all' });
      const inForce = async (): Promise<boolean> => {
        const probe = sample('single-action.yaml');
        const named = { ...probe, metadata: { ...probe.metadata, name: `probe-${engine}-${Date.now()}` } };
        apply(['-f', '-'], stringify(named));
        const chosen = async (): Promise<boolean> => (await world.status(objectOf(named)))?.engine !== undefined;
        await until(chosen, 10_000);
        const status = await world.ended(objectOf(named));
        await world.api.remove(objectOf(named));
        return status.engine === engine;
      };
      expect(await until(inForce, 60_000)).toBe(true);
    }, 120_000);

    test.each(['single-action.yaml', 'single-action-kubernaut.yaml'])('%s scales a Deployment', async (file) => {
      run(['-n', system, 'scale', 'deployment/payment-service', '--replicas=1']);
      const workflow = sample(file);
      const status = await completed(workflow);
      expect(status.engine).toBe(engine);
      expect(await replicas(system)).toBe(10);
      const step = stepOf(status, 'scale-deployment');
      expect(step.outputs).toMatchObject({ deployment: 'payment-service', namespace: system, replicas: 10 });
      expect(step.image).toBe(actions.get('kubernetes/scale_deployment'));
      expect(step.contract).toBe('scale-deployment@v1.0.0');
      expect(step.signers).toHaveLength(1);

      const logs =
        engine === 'job'
          ? run(['-n', system, 'logs', `job/${workflow.metadata.name}-scale-deployment`])
          : run(['-n', system, 'logs', '-l', `tekton.dev/taskRun=${workflow.metadata.name}-scale-deployment`]);
      expect(logs.text).toContain('"replicas":10');
      const described = (): string =>
        run(['-n', system, 'describe', `${plural(workflow)}/${workflow.metadata.name}`]).text;
      // Events are written by the way.
      expect(await until(async () => described().includes('WorkflowCompleted'), 20_000)).toBe(true);
      expect(run(['-n', system, 'get', plural(workflow)]).text).toMatch(/Completed/);
      await removed(workflow);
    });

    test('a step that names no image takes the registered one', async () => {
      const { spec, ...rest } = sample('single-action.yaml');
      const workflow = { ...rest, spec: { steps: spec.steps.map((step) => ({ ...step, image: undefined })) } };
      const status = await completed(workflow);
      expect(stepOf(status, 'scale-deployment').image).toBe(actions.get('kubernetes/scale_deployment'));
      await removed(workflow);
    });

    test('multi-step-kubernaut.yaml runs two steps at once, then the third in a workspace', async () => {
      const workflow = sample('multi-step-kubernaut.yaml', {
        'restart-pods': { namespace: 'production', labelSelector: 'app=nobody-has-this' },
        'scale-deployment': { namespace: 'production', deployment: 'payment-service', replicas: 3 },
        'create-gitops-pr': { repository: git.url, branch: `kubernaut/multi-${engine}`, title: 'Scale' },
      });
      const status = await completed(workflow);
      expectOrder(status, 'create-gitops-pr', ['restart-pods', 'scale-deployment']);
      expect(await replicas('production')).toBe(3);
      await removed(workflow);
    });

    test('gitops-four-steps.yaml clones, changes, commits and pushes', async () => {
      const branch = `kubernaut/payment-memory-fix-${engine}`;
      const workflow = sample('gitops-four-steps.yaml', {
        'git-clone': { repository: git.url },
        'git-push-pr': { branch },
      });
      const status = await completed(workflow);
      for (const [later, earlier] of [
        ['modify-deployment', 'git-clone'],
        ['git-commit', 'modify-deployment'],
        ['git-push-pr', 'git-commit'],
      ] as const) {
        expectOrder(status, later, [earlier]);
      }
      const pushed = parse(git.read(branch, 'production/payment-service.yaml'));
      expect(valueAt(pushed, 'spec.resources.limits.memory')).toBe('2Gi');
      expect(git.message(branch)).toBe('fix(payment): Increase memory to 2Gi (AI-recommended)');
      expect(stepOf(status, 'git-push-pr').outputs).toMatchObject({ branch, commitSHA: git.commit(branch) });
      await removed(workflow);
    });

    test('remediate-payment-oom.yaml starts the third step when both others are done', async () => {
      const branch = `kubernaut/payment-memory-fix-oom-${engine}`;
      const workflow = sample('remediate-payment-oom.yaml', {
        'create-gitops-pr': { repository: git.url, branch },
      });
      const status = await completed(workflow);
      expectOrder(status, 'create-gitops-pr', ['restart-pods', 'scale-deployment']);
      const made = (engine === 'job' ? jobs : taskRuns).added().map(({ name }) => name);
      const own = made.filter((name) => name.startsWith('remediate-payment-oom-'));
      expect(own.at(-1)).toBe('remediate-payment-oom-create-gitops-pr');
      expect(own).toHaveLength(3);
      expect(await replicas('production')).toBe(10);
      expect(stepOf(status, 'scale-deployment').outputs).toMatchObject({ replicas: 10 });
      await removed(workflow);
    });
  });

  function expectOrder(status: WorkflowStatus, later: string, parents: readonly string[]): void {
    const started = Date.parse(stepOf(status, later).startedAt ?? '');
    for (const parent of parents) {
      expect(started).toBeGreaterThanOrEqual(Date.parse(stepOf(status, parent).completedAt ?? ''));
    }
  }
}

const plural = ({ apiVersion }: Sample): string => `workflowexecutions.${apiVersion.split('/')[0]}`;
const manifest = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: payment-service
spec:
  resources:
    limits:
      memory: 1Gi
`;
