/**
 * What the controllers before us have left: Tasks that run, wait or are over, Pods and Jobs that know nothing of us, a server.
 * All of it goes on as if nothing had happened, and nothing is made a second time.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { asRecord } from '../../../src/kernel/strict-json.ts';
import type { ApiObject } from '../gate/api.ts';
import { until } from '../processes.ts';
import { kubeTaskApi, openCode, whyOf, type Found, type World } from './world.ts';

/** Long enough for the controller to have seen it run. */
const work = 'echo begun; sleep 25; echo done';
const forever = 'echo begun; trap "exit 0" TERM; sleep 600 & wait';
const kinds = [
  ['v1', 'pods'],
  ['v1', 'configmaps'],
  ['v1', 'services'],
  ['batch/v1', 'jobs'],
  ['apps/v1', 'deployments'],
  ['apps/v1', 'replicasets'],
] as const;

interface Left {
  readonly task: ApiObject;
  readonly uid: string;
}

export function adoption(place: () => World): void {
  let world: World;
  let home: string;
  let team: string;
  let before: ReadonlyMap<string, string>;
  let finished: readonly { readonly task: ApiObject; readonly resourceVersion: unknown }[];
  const left = new Map<string, Left>();

  const metadataOf = async (object: ApiObject): Promise<Readonly<Record<string, unknown>>> =>
    asRecord(asRecord(await world.api.read(object))?.['metadata']) ?? {};
  const named = (apiVersion: string, kind: string, name: string): ApiObject => ({
    apiVersion,
    kind,
    metadata: { name, namespace: home },
  });
  const taskOf = (name: string): ApiObject => left.get(name)?.task ?? never(name);
  const seconds = (date: Date): string => date.toISOString().replace(/\.\d+/, '');

  /** UIDs of everything, by kind, namespace and name. */
  async function everything(): Promise<ReadonlyMap<string, string>> {
    const lists = kinds.flatMap(([api, plural]) =>
      [home, team].map(async (namespace) => {
        const found = await world.list(api, plural, namespace);
        return found.map(({ metadata }) => [`${plural} ${namespace}/${metadata.name}`, metadata.uid] as const);
      }),
    );
    return new Map((await Promise.all(lists)).flat());
  }

  /** What is there now and was not, or under another UID: a second one of something. */
  async function madeSince(name: string): Promise<readonly string[]> {
    const now = await everything();
    return [...now].flatMap(([key, uid]) => (key.includes(name) && before.get(key) !== uid ? [key] : []));
  }

  const stays = async (name: string): Promise<void> => expect(await madeSince(name)).toEqual([]);
  const gone = async (name: string): Promise<boolean> =>
    until(async () => [...(await everything()).keys()].every((key) => !key.includes(name)), 60_000);

  // ---- as KubeOpenCode leaves them

  async function openCodeTask(name: string, status: object, more: { agent?: string; namespace?: string } = {}) {
    const { agent = 'default', namespace = home } = more;
    const task = world.task(name, { agentRef: { name: agent, namespace: home }, description: name }, { namespace });
    const labelled = { ...task, metadata: { ...task.metadata, labels: { 'kubeopencode.io/agent': agent } } };
    const { uid } = asRecord(asRecord(await world.api.create(labelled))?.['metadata']) ?? {};
    await world.api.merge(task, { metadata: { finalizers: ['kubeopencode.io/task-cleanup'] } });
    await world.api.mergeAt(statusPath(task), { status });
    left.set(name, { task, uid: String(uid) });
  }

  async function openCodePod(name: string, command: string, from: string = home): Promise<void> {
    const isAway = from !== home;
    const labels = {
      app: 'kubeopencode',
      'kubeopencode.io/task': name,
      ...(isAway && { 'kubeopencode.io/task-namespace': from }),
    };
    const file = world.configMap(`${name}-context`, { 'workspace-task.md': name }, { namespace: home });
    const ofFile = { ...labels, 'kubeopencode.io/task-namespace': from };
    await world.api.create({ ...file, metadata: { ...file.metadata, labels: ofFile } });
    const pod = named('v1', 'Pod', isAway ? `${from}-${name}-pod` : `${name}-pod`);
    const container = { name: 'agent', image: world.images.executor, command: ['sh', '-c', command] };
    await world.api.create({
      ...pod,
      metadata: { ...pod.metadata, labels },
      spec: {
        restartPolicy: 'Never',
        terminationGracePeriodSeconds: 5,
        volumes: [{ name: 'context-files', configMap: { name: `${name}-context` } }],
        containers: [{ ...container, volumeMounts: [{ name: 'context-files', mountPath: '/configmap-files' }] }],
      },
    });
  }

  const running = (name: string, from: string = home): object => ({
    phase: 'Running',
    podName: from === home ? `${name}-pod` : `${from}-${name}-pod`,
    podNamespace: home,
    startTime: seconds(new Date()),
  });

  async function openCodeRunning(name: string, command: string, more: { agent?: string; namespace?: string } = {}) {
    await openCodeTask(name, running(name, more.namespace), more);
    await openCodePod(name, command, more.namespace);
  }

  // ---- as KubeTask leaves them

  async function kubeTaskRunning(name: string, command: string): Promise<void> {
    const task = world.kubeTask(name, { contexts: [] }, { namespace: home });
    const { uid } = asRecord(asRecord(await world.api.create(task))?.['metadata']) ?? {};
    left.set(name, { task, uid: String(uid) });
    const labels = { app: 'kubetask', 'kubetask.io/task': name };
    const owner = { apiVersion: kubeTaskApi, kind: 'Task', name, uid, controller: true, blockOwnerDeletion: true };
    const metadata = { namespace: home, labels, ownerReferences: [owner] };
    const file = world.configMap(`${name}-context`, { 'workspace-task.md': name });
    await world.api.create({ ...file, metadata: { ...metadata, name: `${name}-context` } });
    const container = { name: 'agent', image: world.images.executor, command: ['sh', '-c', command] };
    await world.api.create({
      ...named('batch/v1', 'Job', `${name}-job`),
      metadata: { ...metadata, name: `${name}-job` },
      spec: { template: { metadata: { labels }, spec: { restartPolicy: 'Never', containers: [container] } } },
    });
    const status = { phase: 'Running', jobName: `${name}-job`, startTime: seconds(new Date()) };
    await world.api.mergeAt(statusPath(task), { status });
  }

  // ---- a server

  async function formerServer(name: string): Promise<void> {
    const agent = world.agent(name, { serverConfig: { port: 4096 }, workspaceDir: '/workspace' }, { namespace: home });
    const { uid } = asRecord(asRecord(await world.api.create(agent))?.['metadata']) ?? {};
    const owner = { apiVersion: openCode, kind: 'Agent', name, uid, controller: true, blockOwnerDeletion: true };
    const selector = { 'kubeopencode.io/agent': name };
    const labels = {
      'app.kubernetes.io/name': 'kubeopencode-server',
      'app.kubernetes.io/instance': name,
      'app.kubernetes.io/component': 'server',
      'app.kubernetes.io/managed-by': 'kubeopencode',
    };
    const times = { timeoutSeconds: 5, failureThreshold: 3 };
    const tools = { name: 'tools', mountPath: '/tools' };
    const spec = {
      serviceAccountName: 'default',
      initContainers: [
        {
          name: 'opencode-init',
          image: world.images.openCode,
          imagePullPolicy: 'IfNotPresent',
          env: [{ name: 'TOOLS_DIR', value: '/tools' }],
          volumeMounts: [tools],
        },
      ],
      containers: [
        {
          name: 'opencode-server',
          image: world.images.executor,
          imagePullPolicy: 'IfNotPresent',
          command: ['sh', '-c', '/tools/opencode serve --port 4096 --hostname 0.0.0.0'],
          env: [
            { name: 'WORKSPACE_DIR', value: '/workspace' },
            { name: 'OPENCODE_PERMISSION', value: '{"*":"allow"}' },
          ],
          volumeMounts: [tools, { name: 'workspace', mountPath: '/workspace' }],
          ports: [{ name: 'http', containerPort: 4096, protocol: 'TCP' }],
          livenessProbe: { tcpSocket: { port: 4096 }, initialDelaySeconds: 10, periodSeconds: 30, ...times },
          readinessProbe: {
            httpGet: { path: '/session/status', port: 4096, scheme: 'HTTP' },
            initialDelaySeconds: 5,
            periodSeconds: 10,
            ...times,
          },
        },
      ],
      volumes: [
        { name: 'tools', emptyDir: {} },
        { name: 'workspace', emptyDir: {} },
      ],
      restartPolicy: 'Always',
    };
    const metadata = { namespace: home, labels: { ...labels, ...selector }, ownerReferences: [owner] };
    await world.api.create({
      ...named('apps/v1', 'Deployment', `${name}-server`),
      metadata: { ...metadata, name: `${name}-server` },
      spec: {
        replicas: 1,
        selector: { matchLabels: selector },
        template: { metadata: { labels: { ...labels, ...selector } }, spec },
      },
    });
    await world.api.create({
      ...named('v1', 'Service', name),
      metadata: { ...metadata, name, labels },
      spec: { selector, ports: [{ name: 'http', port: 4096, targetPort: 4096, protocol: 'TCP' }] },
    });
  }

  const deployment = async (name: string): Promise<Readonly<Record<string, unknown>>> =>
    asRecord(await world.api.read(named('apps/v1', 'Deployment', name))) ?? {};
  const podOfServer = async (): Promise<readonly Found[]> =>
    (await world.list('v1', 'pods', home)).filter(
      ({ metadata }) => metadata.labels?.['kubeopencode.io/agent'] === 'former',
    );

  beforeAll(async () => {
    world = place();
    home = await world.another();
    team = await world.another();
    await world.controller.stop();
    await world.api.apply(world.agent('default', {}, { namespace: home }));
    await world.api.apply(world.agent('one', { maxConcurrentTasks: 1 }, { namespace: home }));
    await world.api.apply(world.kubeTaskAgent('default', {}, { namespace: home }));
    await formerServer('former');
    await openCodeRunning('over', 'echo done');
    await kubeTaskRunning('job-over', 'echo done');
    await openCodeRunning('stopped', forever);
    await openCodeRunning('deleted', forever);
    await openCodeRunning('away', forever, { namespace: team });
    await kubeTaskRunning('job-deleted', forever);
    const since = seconds(new Date());
    const over = { startTime: since, completionTime: since };
    await openCodeTask('completed', { phase: 'Completed', podName: 'completed-pod', podNamespace: home, ...over });
    const ready = { type: 'Ready', status: 'False', lastTransitionTime: since, reason: 'AgentError', message: 'no' };
    await openCodeTask('failed', { phase: 'Failed', completionTime: since, conditions: [ready] });
    const done = world.kubeTask('job-completed', { contexts: [] }, { namespace: home });
    await world.put(done, { phase: 'Completed', jobName: 'job-completed-job', ...over });
    left.set('job-completed', { task: done, uid: '' });
    const queued = { ...ready, type: 'Queued', status: 'True', reason: 'AgentAtCapacity' };
    const conditions = [{ ...queued, message: 'Waiting for agent "one" capacity (max: 1)' }];
    await openCodeTask('waits', { phase: 'Queued', conditions }, { agent: 'one' });
    // These end by themselves, soon after the controller has begun.
    await openCodeRunning('of-one', work, { agent: 'one' });
    await openCodeRunning('succeeds', work);
    await openCodeRunning('fails', `${work}; exit 3`);
    await kubeTaskRunning('job-succeeds', work);
    await kubeTaskRunning('job-fails', `${work}; exit 3`);
    finished = await Promise.all(
      ['completed', 'failed', 'job-completed'].map(async (name) => {
        const task = taskOf(name);
        return { task, resourceVersion: (await metadataOf(task))['resourceVersion'] };
      }),
    );
    const pods = async (): Promise<readonly Found[]> => world.list('v1', 'pods', home);
    // Those of Jobs and Deployments are made by others.
    await until(async () => (await pods()).length >= 12 && (await pods()).every(hasBegun), 60_000);
    before = await everything();
    await world.controller.start();
  }, 180_000);
  afterAll(async () => {
    for (const { task } of left.values()) await world.api.remove(task);
  });

  const stoppedBy = { type: 'Stopped', status: 'True', reason: 'UserStopped' };

  test.each(['succeeds', 'job-succeeds'])('%s: it runs on, and is followed to its end', async (name) => {
    expect(await world.ended(taskOf(name))).toMatchObject({ phase: 'Completed', completionTime: expect.any(String) });
    await stays(name);
    expect(await world.log(taskOf(name))).toBe('begun\ndone\n');
  });

  test.each(['fails', 'job-fails'])('%s: it runs on, and what it fails with is told', async (name) => {
    const status = await world.ended(taskOf(name));
    expect([status.phase, whyOf(status).reason]).toEqual(['Failed', 'AgentFailed']);
    expect(await until(async () => (await madeSince(name)).length === 0, 5_000)).toBe(true);
  });

  test.each(['over', 'job-over'])('%s: its end while nobody looked is seen', async (name) => {
    expect(await world.ended(taskOf(name))).toMatchObject({ phase: 'Completed' });
    await stays(name);
  });

  test('one that waits is started when its turn comes, and not before', async () => {
    expect(await world.ended(taskOf('of-one'))).toMatchObject({ phase: 'Completed' });
    const status = await world.ended(taskOf('waits'));
    expect(status).toMatchObject({ phase: 'Completed', podName: 'waits-pod' });
    const first = await world.status(taskOf('of-one'));
    expect(Date.parse(status.startTime ?? '')).toBeGreaterThanOrEqual(Date.parse(first?.completionTime ?? ''));
  });

  test('stopped: its last words are kept, and its Pod goes', async () => {
    const task = taskOf('stopped');
    await stays('stopped');
    await world.api.merge(task, { metadata: { annotations: { 'kubeopencode.io/stop': 'true' } } });
    expect(await world.ended(task)).toMatchObject({
      phase: 'Completed',
      conditions: expect.arrayContaining([expect.objectContaining(stoppedBy)]),
    });
    const pod = named('v1', 'Pod', 'stopped-pod');
    expect(await until(async () => (await world.api.read(pod)) === undefined, 30_000)).toBe(true);
    const kept = await world.api.read(named('v1', 'ConfigMap', 'stopped-log'));
    expect(kept).toMatchObject({ data: { 'agent.log': 'begun\n' } });
  });

  describe('deleted, with everything that was made for it', () => {
    test.each([
      ['deleted', 'deleted-'],
      ['away', 'away-'],
      ['job-deleted', 'job-deleted-'],
    ])('%s', async (name, made) => {
      const task = taskOf(name);
      await stays(made);
      expect([...before.keys()].filter((key) => key.includes(made)).length).toBeGreaterThan(1);
      await world.api.remove(task);
      expect(await until(async () => (await world.api.read(task)) === undefined, 30_000)).toBe(true);
      expect(await gone(` ${home}/${made}`)).toBe(true);
      expect(await gone(`-${made}pod`)).toBe(true);
    });
  });

  test('those that are over are not touched', async () => {
    for (const { task, resourceVersion } of finished) {
      expect((await metadataOf(task))['resourceVersion']).toBe(resourceVersion);
    }
  });

  test('a server is taken over without being started anew, and by its next change only', async () => {
    const madeFrom = async (): Promise<unknown> =>
      asRecord(asRecord((await deployment('former-server'))['metadata'])?.['annotations'])?.[
        'countersign.dev/made-from'
      ];
    expect(await until(async () => (await madeFrom()) !== undefined, 30_000)).toBe(true);
    const ready = async (): Promise<boolean> =>
      JSON.stringify(await world.api.read(world.agent('former', {}, { namespace: home }))).includes(
        '"DeploymentReady"',
      );
    expect(await until(ready, 60_000)).toBe(true);
    await stays('former');
    const [pod, ...others] = await podOfServer();
    expect(others).toEqual([]);
    const task = world.task('attached', { agentRef: { name: 'former' }, description: 'Say it.' }, { namespace: home });
    expect(await world.run(task, 90_000)).toMatchObject({ phase: 'Completed' });
    expect(await world.log(task)).toContain('ATTACHED');
    await world.api.merge(world.agent('former', {}, { namespace: home }), { spec: { serverConfig: { port: 4097 } } });
    const isAnew = async (): Promise<boolean> =>
      (await podOfServer()).some(({ metadata }) => metadata.uid !== pod?.metadata.uid);
    expect(await until(isAnew, 60_000)).toBe(true);
    const uid = asRecord((await deployment('former-server'))['metadata'])?.['uid'];
    expect(uid).toBe(before.get(`deployments ${home}/former-server`));
  });
}

function hasBegun({ status }: Found): boolean {
  return ['Running', 'Succeeded', 'Failed'].includes(String(status?.['phase']));
}

function statusPath({ apiVersion, metadata: { name, namespace } }: ApiObject): string {
  return `/apis/${apiVersion}/namespaces/${namespace}/tasks/${name}/status`;
}

function never(name: string): never {
  throw new Error(`there is no Task ${name}`);
}
