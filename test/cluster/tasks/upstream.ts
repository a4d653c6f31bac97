/**
 * What the API tests of KubeOpenCode's and KubeTask's own controllers ask of a cluster: phases, conditions, names, labels,
 * owners. As in those tests no node runs the Pods; what would become of them is written into their status.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { TaskStatus } from '../../../src/agents/model.ts';
import { asRecord } from '../../../src/kernel/strict-json.ts';
import type { ApiObject } from '../gate/api.ts';
import { until } from '../processes.ts';
import { openCode, whyOf, type Found, type World } from './world.ts';

type Members = Readonly<Record<string, unknown>>;

/** No node is such. */
const scheduling = { nodeSelector: { 'node-type': 'gpu' } };
const description = '# Test Task\n\nThis is a test task.';
const terminated = { containerStatuses: [{ name: 'agent', state: { terminated: { exitCode: 0 } } }] };

export function upstreamExpectations(place: () => World): void {
  let world: World;
  let home: string;
  const tasks: ApiObject[] = [];

  beforeAll(async () => {
    world = place();
    home = await world.another();
    await world.api.apply(agent('default'));
    await world.api.apply(world.kubeTaskAgent('default', { scheduling }, { namespace: home }));
  }, 60_000);
  afterEach(async () => {
    for (const task of tasks.splice(0)) await world.api.remove(task);
  });

  const agent = (name: string, spec: object = {}): ApiObject =>
    world.agent(name, { workspaceDir: '/workspace', podSpec: { scheduling }, ...spec }, { namespace: home });
  const object = (apiVersion: string, kind: string, name: string): ApiObject => ({
    apiVersion,
    kind,
    metadata: { name, namespace: home },
  });
  const read = async (what: ApiObject): Promise<Members> => asRecord(await world.api.read(what)) ?? {};
  const metadataOf = async (what: ApiObject): Promise<Members> => asRecord((await read(what))['metadata']) ?? {};
  const isThere = async (what: ApiObject): Promise<boolean> => (await world.api.read(what)) !== undefined;
  const podOf = (name: string): ApiObject => object('v1', 'Pod', `${name}-pod`);
  const filesOf = async (name: string): Promise<Members> =>
    asRecord((await read(object('v1', 'ConfigMap', `${name}-context`)))['data']) ?? {};

  async function create(name: string, spec: object = {}): Promise<ApiObject> {
    const task = world.task(name, { description, ...spec }, { namespace: home });
    tasks.push(task);
    await world.api.create(task);
    return task;
  }

  /** Running, with its Pod made. */
  async function begun(name: string, spec: object = {}): Promise<ApiObject> {
    const task = await create(name, spec);
    await world.reached(task, 'Running');
    expect(await until(() => isThere(podOf(name)), 20_000)).toBe(true);
    return task;
  }

  const say = (pod: string, status: object): Promise<unknown> =>
    world.api.mergeAt(`/api/v1/namespaces/${home}/pods/${pod}/status`, { status });
  const conditionOf = ({ conditions }: TaskStatus, type: string) => conditions.find((one) => one.type === type);

  describe('a Task', () => {
    test('has its Pod, its files, its label and its finalizer', async () => {
      const task = await begun('test-task-description');
      expect(await world.status(task)).toMatchObject({
        phase: 'Running',
        podName: 'test-task-description-pod',
        podNamespace: home,
        agentRef: { name: 'default', namespace: home },
        startTime: expect.any(String),
      });
      expect(await metadataOf(task)).toMatchObject({
        labels: { 'kubeopencode.io/agent': 'default' },
        finalizers: ['kubeopencode.io/task-cleanup'],
      });
      const pod = await metadataOf(podOf('test-task-description'));
      expect(pod).toMatchObject({
        labels: { app: 'kubeopencode', 'kubeopencode.io/task': 'test-task-description' },
        ownerReferences: [{ kind: 'Task', name: 'test-task-description', blockOwnerDeletion: true }],
      });
      expect(pod['ownerReferences']).toHaveLength(1);
      expect(pod['labels']).not.toHaveProperty('kubeopencode.io/agent');
      expect(await filesOf('test-task-description')).toEqual({ 'workspace-task.md': description });
      expect(await metadataOf(object('v1', 'ConfigMap', 'test-task-description-context'))).toMatchObject({
        labels: { app: 'kubeopencode', 'kubeopencode.io/task': 'test-task-description' },
      });
    });

    test.each<[string, object, string]>([
      ['test-task-success', { phase: 'Succeeded' }, 'Completed'],
      ['test-task-success-told', { phase: 'Succeeded', ...terminated }, 'Completed'],
      ['test-task-failure', { phase: 'Failed' }, 'Failed'],
    ])('%s: its Pod is %j, and it is %s', async (name, status, phase) => {
      const task = await begun(name);
      await say(`${name}-pod`, status);
      const ended = await world.ended(task);
      expect(ended).toMatchObject({ phase, completionTime: expect.any(String) });
      expect(conditionOf(ended, 'Stopped')).toBeUndefined();
    });

    test('takes its Pod and its files with it', async () => {
      const task = await begun('task-gc');
      await world.api.remove(task);
      expect(await until(async () => !(await isThere(task)), 30_000)).toBe(true);
      expect(await until(async () => !(await isThere(podOf('task-gc'))), 30_000)).toBe(true);
      const files = object('v1', 'ConfigMap', 'task-gc-context');
      expect(await until(async () => !(await isThere(files)), 30_000)).toBe(true);
    });

    test('tells what became of it in events', async () => {
      const task = await begun('test-task-events');
      await say('test-task-events-pod', { phase: 'Succeeded' });
      await world.ended(task);
      const told = async (): Promise<readonly unknown[]> =>
        (await world.list('v1', 'events', home)).flatMap((event) => {
          const { involvedObject, reason } = { ...event } as unknown as Members;
          return asRecord(involvedObject)?.['name'] === 'test-task-events' ? [reason] : [];
        });
      await until(async () => (await told()).includes('TaskCompleted'), 10_000);
      expect(await told()).toEqual(expect.arrayContaining(['PodCreated', 'TaskCompleted']));
    });
  });

  describe('a template', () => {
    const template = (name: string, spec: object): ApiObject => ({ ...object(openCode, 'TaskTemplate', name), spec });

    test('gives its Agent, its contexts, and its description where the Task has none', async () => {
      const text = (written: string): object => ({ type: 'Text', text: written });
      const spec = {
        description: 'of the template',
        contexts: [text('# Template')],
        agentRef: { name: 'from-template' },
      };
      await world.api.apply(agent('from-template'));
      await world.api.apply(template('test-template', spec));
      const taskTemplateRef = { name: 'test-template' };
      const task = await begun('test-task-with-template', { taskTemplateRef, contexts: [text('# Own')] });
      expect(await world.status(task)).toMatchObject({ agentRef: { name: 'from-template' } });
      const files = await filesOf('test-task-with-template');
      expect(files['workspace-task.md']).toBe(description);
      expect(files['workspace-.kubeopencode-context.md']).toMatch(/# Template[^]*# Own/);
      const plain = world.task('test-task-template-desc', { taskTemplateRef }, { namespace: home });
      tasks.push(plain);
      await world.api.create(plain);
      await world.reached(plain, 'Running');
      await until(async () => Object.keys(await filesOf('test-task-template-desc')).length > 0, 20_000);
      expect((await filesOf('test-task-template-desc'))['workspace-task.md']).toBe('of the template');
    });
  });

  describe('Failed, with a word', () => {
    const conflict = { type: 'Text', text: 'x', mountPath: '/workspace/config.yaml' };
    test.each<[string, object, object | undefined, string, readonly string[]]>([
      [
        'no-template',
        { taskTemplateRef: { name: 'none' } },
        undefined,
        'TaskTemplateError',
        ['TaskTemplate', 'not found'],
      ],
      ['no-such-agent', { agentRef: { name: 'none' } }, undefined, 'AgentError', ['none', 'not found']],
      [
        'git-no-mountpath',
        { contexts: [{ type: 'Git', git: { repository: 'https://github.com/example/repo' } }] },
        undefined,
        'ContextError',
        ['git context requires mountPath'],
      ],
      ['mountpath-conflict', { contexts: [conflict, conflict] }, undefined, 'ContextError', ['mount path conflict']],
      [
        'missing-configmap',
        { contexts: [{ type: 'ConfigMap', configMap: { name: 'non-existent-configmap', key: 'key1' } }] },
        undefined,
        'ContextError',
        ['not found'],
      ],
      [
        'invalid-config',
        {},
        { config: '{"model": "x", invalid json}' },
        'AgentError',
        ['invalid JSON in Agent config'],
      ],
    ])('%s', async (name, spec, agentSpec, reason, words) => {
      if (agentSpec !== undefined) await world.api.apply(agent(`of-${name}`, agentSpec));
      const agentRef = agentSpec === undefined ? {} : { agentRef: { name: `of-${name}` } };
      const ended = await world.ended(await create(name, { ...agentRef, ...spec }));
      expect([ended.phase, whyOf(ended).reason]).toEqual(['Failed', reason]);
      for (const word of words) expect(whyOf(ended).message).toContain(word);
      expect(ended.completionTime).toBeDefined();
      expect(await isThere(podOf(name))).toBe(false);
    });

    test('without an Agent default where it names none', async () => {
      const namespace = await world.another();
      const ended = await world.run(world.task('no-default', { description }, { namespace }));
      expect([ended.phase, whyOf(ended).reason]).toEqual(['Failed', 'AgentError']);
    });
  });

  describe('limits of an Agent', () => {
    test('one at a time: the second waits until the first has ended', async () => {
      await world.api.apply(agent('concurrency', { maxConcurrentTasks: 1 }));
      const agentRef = { name: 'concurrency' };
      const first = await begun('test-task-concurrent-1', { agentRef });
      const second = await create('test-task-concurrent-2', { agentRef });
      expect(conditionOf(await world.reached(second, 'Queued'), 'Queued')).toMatchObject({
        status: 'True',
        reason: 'AgentAtCapacity',
        message: 'Waiting for agent "concurrency" capacity (max: 1)',
      });
      for (const task of [first, second]) {
        expect(await metadataOf(task)).toMatchObject({ labels: { 'kubeopencode.io/agent': 'concurrency' } });
      }
      await say('test-task-concurrent-1-pod', { phase: 'Succeeded' });
      await world.ended(first);
      expect(conditionOf(await world.reached(second, 'Running'), 'Queued')).toMatchObject({
        status: 'False',
        reason: 'CapacityAvailable',
      });
    });

    test.each<[string, object]>([
      ['zero', { maxConcurrentTasks: 0 }],
      ['unset', {}],
    ])('%s: as many as there are', async (name, spec) => {
      await world.api.apply(agent(name, spec));
      for (const number of [1, 2]) await begun(`test-task-${name}-${number}`, { agentRef: { name } });
      const both = await Promise.all(tasks.map((task) => world.status(task)));
      expect(both.map((status) => status?.phase)).toEqual(['Running', 'Running']);
    });

    test('two starts in a minute: the third waits, and the Agent knows both', async () => {
      await world.api.apply(agent('quota', { quota: { maxTaskStarts: 2, windowSeconds: 60 } }));
      const agentRef = { name: 'quota' };
      for (const number of [1, 2]) await begun(`test-task-quota-${number}`, { agentRef });
      const third = await create('test-task-quota-3', { agentRef });
      expect(conditionOf(await world.reached(third, 'Queued'), 'Queued')).toMatchObject({
        status: 'True',
        reason: 'QuotaExceeded',
        message: 'Waiting for agent "quota" quota (max: 2 per 60s)',
      });
      expect(asRecord((await read(agent('quota')))['status'])?.['taskStartHistory']).toEqual(
        [1, 2].map((number) => ({
          taskName: `test-task-quota-${number}`,
          taskNamespace: home,
          startTime: expect.any(String),
        })),
      );
    });

    test('both: what is told is the capacity', async () => {
      const quota = { maxTaskStarts: 1, windowSeconds: 60 };
      await world.api.apply(agent('both-limits', { maxConcurrentTasks: 1, quota }));
      const agentRef = { name: 'both-limits' };
      await begun('test-task-both-limits-1', { agentRef });
      const second = await create('test-task-both-limits-2', { agentRef });
      expect(conditionOf(await world.reached(second, 'Queued'), 'Queued')?.reason).toBe('AgentAtCapacity');
    });

    test('stopped while it waits: Completed, and says so, without a Pod', async () => {
      await world.api.apply(agent('stop-queued', { maxConcurrentTasks: 1 }));
      const agentRef = { name: 'stop-queued' };
      await begun('test-task-stop-queued-1', { agentRef });
      const second = await create('test-task-stop-queued-2', { agentRef });
      await world.reached(second, 'Queued');
      await world.api.merge(second, { metadata: { annotations: { 'kubeopencode.io/stop': 'true' } } });
      const stopped = conditionOf(await world.reached(second, 'Completed'), 'Stopped');
      expect(stopped).toMatchObject({ status: 'True', reason: 'UserStopped' });
      expect(stopped?.message).toContain('queued');
      expect(await isThere(podOf('test-task-stop-queued-2'))).toBe(false);
    });
  });

  describe('stopped', () => {
    test.each<[string, object, object, string, string]>([
      ['by annotation', {}, { 'kubeopencode.io/stop': 'true' }, 'UserStopped', 'kubeopencode.io/stop annotation'],
      ['by its timeout', { timeout: '2s' }, {}, 'Timeout', 'timed out'],
    ])('%s: Completed, and its Pod is gone', async (_, spec, annotations, reason, word) => {
      const name = `test-task-stop-${reason.toLowerCase()}`;
      const task = await begun(name, spec);
      await world.api.merge(task, { metadata: { annotations } });
      const ended = await world.ended(task);
      expect(ended).toMatchObject({ phase: 'Completed', completionTime: expect.any(String) });
      expect(conditionOf(ended, 'Stopped')).toMatchObject({ status: 'True', reason });
      expect(conditionOf(ended, 'Stopped')?.message).toContain(word);
      expect(await until(async () => !(await isThere(podOf(name))), 30_000)).toBe(true);
    });
  });

  describe('those that are finished', () => {
    const config = (namespace: string, cleanup: object): ApiObject => ({
      apiVersion: openCode,
      kind: 'KubeOpenCodeConfig',
      metadata: { name: 'default', namespace },
      spec: { cleanup },
    });
    const finishedAt = (ago: number): object => ({
      phase: 'Completed',
      completionTime: new Date(Date.now() - ago * 1_000).toISOString().replace(/\.\d+/, ''),
    });
    const left = async (namespace: string): Promise<readonly string[]> =>
      (await world.list(openCode, 'tasks', namespace)).map(({ metadata }: Found) => metadata.name).sort();

    test.each<[string, object | undefined, readonly string[]]>([
      ['go when their time is over', { ttlSecondsAfterFinished: 2 }, []],
      ['go, the oldest first, when there are too many', { maxRetainedTasks: 2 }, ['task-2', 'task-3']],
      ['stay where nobody says otherwise', undefined, ['task-1', 'task-2', 'task-3']],
    ])('%s', async (_, cleanup, wanted) => {
      const namespace = await world.another();
      if (cleanup !== undefined) await world.api.apply(config(namespace, cleanup));
      for (const number of [1, 2, 3]) {
        await world.put(world.task(`task-${number}`, { description }, { namespace }), finishedAt(10 - number));
      }
      await until(async () => (await left(namespace)).length <= wanted.length, 20_000);
      await sleep(3_000);
      expect(await left(namespace)).toEqual(wanted);
    });
  });

  describe('an Agent with a server', () => {
    const deployment = (name: string): ApiObject => object('apps/v1', 'Deployment', `${name}-server`);
    const service = (name: string): ApiObject => object('v1', 'Service', name);
    const portOf = async (name: string): Promise<unknown> => {
      const text = JSON.stringify(await world.api.read(deployment(name)));
      return /"containerPort":(\d+)/.exec(text ?? '')?.[1];
    };
    const statusOf = async (name: string): Promise<Members> => asRecord((await read(agent(name)))['status']) ?? {};

    test('has both, in its status too; with another port; and not any more', async () => {
      const name = 'test-server-agent';
      // This one runs: Tasks wait until there is a server to attach to.
      await world.api.apply(agent(name, { serverConfig: { port: 4096 }, podSpec: {} }));
      await until(async () => (await statusOf(name))['serverStatus'] !== undefined, 30_000);
      expect((await statusOf(name))['serverStatus']).toMatchObject({
        deploymentName: `${name}-server`,
        serviceName: name,
        url: `http://${name}.${home}.svc.cluster.local:4096`,
      });
      expect(JSON.stringify((await statusOf(name))['conditions'])).toContain('"ServerReady"');
      expect(await read(deployment(name))).toMatchObject({
        metadata: { labels: { 'kubeopencode.io/agent': name } },
        spec: { selector: { matchLabels: { 'kubeopencode.io/agent': name } } },
      });
      expect(await read(service(name))).toMatchObject({
        spec: { type: 'ClusterIP', selector: { 'kubeopencode.io/agent': name }, ports: [{ port: 4096 }] },
      });
      const attached = await create('test-task-server-mode', { agentRef: { name } });
      expect(await world.ended(attached, 90_000)).toMatchObject({ phase: 'Completed' });
      const text = JSON.stringify(await world.api.read(podOf(attached.metadata.name)));
      expect(text).toContain(`--attach http://${name}.${home}.svc.cluster.local:4096`);
      expect(text).toContain(world.images.attach.split(':').slice(0, -1).join(':'));
      await world.api.merge(agent(name), { spec: { serverConfig: { port: 8080 } } });
      await until(async () => (await portOf(name)) === '8080', 30_000);
      expect(await portOf(name)).toBe('8080');
      await world.api.merge(agent(name), { spec: { serverConfig: null } });
      for (const gone of [deployment(name), service(name)]) {
        expect(await until(async () => !(await isThere(gone)), 30_000)).toBe(true);
      }
      await until(async () => (await statusOf(name))['serverStatus'] === undefined, 30_000);
      expect(await statusOf(name)).not.toHaveProperty('serverStatus');
    }, 180_000);

    test('is the only one that has', async () => {
      await world.api.apply(agent('test-pod-agent'));
      await begun('test-task-pod-agent', { agentRef: { name: 'test-pod-agent' } });
      expect(await isThere(deployment('test-pod-agent'))).toBe(false);
      expect(await isThere(service('test-pod-agent'))).toBe(false);
    });
  });

  describe('a Task of KubeTask', () => {
    const file = (filePath: string, inline: string): object => ({
      type: 'File',
      file: { filePath, source: { inline } },
    });
    const jobOf = (name: string): ApiObject => object('batch/v1', 'Job', `${name}-job`);

    async function kubeTask(name: string): Promise<ApiObject> {
      const contexts = [file('/workspace/task.md', description), file('/workspace/config/settings.json', '{}')];
      const task = world.kubeTask(name, { contexts }, { namespace: home });
      tasks.push(task);
      await world.api.create(task);
      await world.reached(task, 'Running');
      expect(await until(() => isThere(jobOf(name)), 20_000)).toBe(true);
      return task;
    }

    test('has its Job and its files', async () => {
      const task = await kubeTask('test-task-inline');
      expect(await world.status(task)).toMatchObject({
        jobName: 'test-task-inline-job',
        startTime: expect.any(String),
      });
      expect(await metadataOf(jobOf('test-task-inline'))).toMatchObject({
        labels: { app: 'kubetask', 'kubetask.io/task': 'test-task-inline' },
        ownerReferences: [{ kind: 'Task', name: 'test-task-inline', controller: true }],
      });
      expect(await filesOf('test-task-inline')).toEqual({
        'workspace-task.md': description,
        'workspace-config-settings.json': '{}',
      });
      await world.api.remove(task);
      expect(await until(async () => !(await isThere(jobOf('test-task-inline'))), 30_000)).toBe(true);
    });

    test.each([
      ['test-task-job-success', 'Succeeded', 'Completed'],
      ['test-task-job-failure', 'Failed', 'Failed'],
    ])('%s: its Pod is %s, and it is %s', async (name, podPhase, phase) => {
      const task = await kubeTask(name);
      const pods = async (): Promise<readonly Found[]> =>
        (await world.list('v1', 'pods', home)).filter(({ metadata }) => metadata.labels?.['kubetask.io/task'] === name);
      expect(await until(async () => (await pods()).length === 1, 20_000)).toBe(true);
      const [pod] = await pods();
      await say(pod?.metadata.name ?? '', { phase: podPhase });
      expect(await world.ended(task)).toMatchObject({ phase, completionTime: expect.any(String) });
    });
  });
}
