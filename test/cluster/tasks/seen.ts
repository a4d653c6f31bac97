/**
 * Tasks as people see them, with rights that a real API server gives: on the command line, in the console, in metrics and in
 * events. Everybody here is an account with the roles of manifests/, none of them an administrator.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { agentTasks } from '../../../src/adapters/kubernetes/agent-tasks.ts';
import { apiTaskObjects } from '../../../src/adapters/kubernetes/api-task-objects.ts';
import type { ApiObject } from '../gate/api.ts';
import { clusterFacts, kubeconfig } from '../access.ts';
import { startPart, type WebhookProcess } from '../gate/webhook-process.ts';
import { runProgram } from '../install/run-program.ts';
import { freePorts, until } from '../processes.ts';
import { consoleAt, words, type Console } from './console-client.ts';
import { metricsIn } from './metrics.ts';
import { startPeople, type People, type Person } from './people.ts';
import { whyOf, type World } from './world.ts';

/** Lines at once, pauses, lines longer than one read of the runtime, and one without an end. */
const talk =
  'i=0; while [ $i -lt 60 ]; do i=$((i+1)); echo "line $i"; [ $((i % 20)) = 0 ] && sleep 2; done; ' +
  'echo "$(head -c 40000 /dev/zero | tr "\\0" x)"; printf "the last"';
const talked = [...Array.from({ length: 60 }, (_, index) => `line ${index + 1}`), 'x'.repeat(40_000), 'the last'];

export function seen(place: () => World): void {
  let world: World;
  /** Where the Task is of an Agent of the usual namespace. */
  let elsewhere: string;
  let people: People;
  let editor: Person;
  let viewer: Person;
  /** Has all rights where the Task is, and none where its Agent is. */
  let neighbour: Person;
  let stranger: Person;

  const long = 'speaks-long';
  const task = (name: string, agent: string, spec: object = {}): ApiObject =>
    world.task(name, { agentRef: { name: agent }, description: 'x', ...spec });
  const away = (name: string): ApiObject =>
    world.task(
      name,
      { agentRef: { name: long, namespace: world.namespace }, description: 'x' },
      { namespace: elsewhere },
    );
  const speaks = async (one: ApiObject): Promise<void> => {
    await world.api.create(one);
    await world.reached(one, 'Running');
    expect(await until(async () => (await world.log(one)).includes('secret words'), 30_000)).toBe(true);
  };

  beforeAll(async () => {
    world = place();
    const { api, namespace } = world;
    elsewhere = await world.another();
    people = await startPeople(api, namespace);
    const looks = ['countersign-console-viewer'] as const;
    editor = await people.person('editor', [['edit', namespace], looks]);
    viewer = await people.person('viewer', [['view', namespace], looks]);
    neighbour = await people.person('neighbour', [['edit', elsewhere], looks]);
    stranger = await people.person('stranger', [looks]);
    const forever = 'echo "secret words"; trap "exit 0" TERM; sleep 600 & wait';
    await api.apply(world.agent(long, { command: ['sh', '-c', forever] }));
    await api.apply(world.agent('talks', { command: ['sh', '-c', talk] }));
    // `view` and `edit` get what is aggregated to them in a while.
    const mayList = async (): Promise<boolean> => (await viewer.countersign('tasks', 'list')).code === 0;
    expect(await until(mayList, 30_000)).toBe(true);
  }, 120_000);
  afterAll(() => people?.close(), 60_000);

  describe('on the command line', () => {
    test('a list of what may be listed, and the words of the API server about the rest', async () => {
      const here = task('listed', long);
      const there = away('listed-there');
      for (const one of [here, there]) await speaks(one);

      const listed = await viewer.countersign('tasks', 'list', '-o', 'json');
      expect(listed).toMatchObject({ code: 0, err: '' });
      const { podName } = (await world.status(here)) ?? {};
      expect(JSON.parse(listed.out)).toContainEqual(
        expect.objectContaining({
          system: 'kubeopencode',
          namespace: world.namespace,
          name: 'listed',
          phase: 'Running',
          agent: { namespace: world.namespace, name: long },
          pod: { namespace: world.namespace, name: podName },
        }),
      );
      expect(listed.out).not.toContain('listed-there');
      const asText = await neighbour.countersign('tasks', 'list', '--namespace', elsewhere);
      expect(asText.out).toMatch(
        new RegExp(`^${elsewhere} +listed-there +KubeOpenCode +${world.namespace}/${long} +Running +\\d+s`, 'm'),
      );

      for (const refused of [
        await stranger.countersign('tasks', 'list'),
        await viewer.countersign('tasks', 'list', '--all-namespaces'),
        await viewer.countersign('tasks', 'list', '--namespace', elsewhere),
      ]) {
        expect(refused).toMatchObject({ code: 3, out: '' });
        expect(refused.err).toMatch(/tasks\.kubeopencode\.io is forbidden: User .* cannot list/);
      }
      for (const one of [here, there]) await world.api.remove(one);
    });

    test('a log as it grows: every line once, in order', { timeout: 120_000 }, async () => {
      const one = task('followed', 'talks');
      await world.api.create(one);
      const followed = await viewer.countersign('tasks', 'logs', 'followed', '--follow');
      expect(followed.code).toBe(0);
      expect(followed.out.trimEnd().split('\n')).toEqual(talked);
      await world.ended(one);

      // And the same when it is over.
      const whole = await viewer.countersign('tasks', 'logs', 'followed');
      expect(whole).toMatchObject({ code: 0, err: '' });
      expect(whole.out.split('\n')).toEqual(talked);
      const end = await viewer.countersign('tasks', 'logs', 'followed', '--tail', '1');
      expect(end.out).toBe('the last');
      const again = await viewer.countersign('tasks', 'logs', 'followed', '--follow', '--tail', '1');
      expect(again.out).toBe('the last\n');
    });

    test('nobody reads a log, or stops a Task, who could not with kubectl', async () => {
      const [here, there] = [task('guarded', long), away('guarded-there')];
      for (const one of [here, there]) await speaks(one);
      const inElsewhere = ['--namespace', elsewhere] as const;
      for (const [ran, what] of [
        [await stranger.countersign('tasks', 'logs', 'guarded'), /cannot get resource \\?"tasks/],
        [await neighbour.countersign('tasks', 'logs', 'guarded-there', ...inElsewhere), /cannot get resource \\?"pods/],
        [await stranger.countersign('tasks', 'stop', 'guarded'), /cannot get resource \\?"tasks/],
      ] as const) {
        expect(ran).toMatchObject({ code: 3, out: '' });
        expect(ran.err).toMatch(what);
      }
      const stop = await viewer.countersign('tasks', 'stop', 'guarded');
      expect(stop).toMatchObject({ code: 1, out: '' });
      expect(stop.err).toMatch(/cannot patch resource \\?"tasks/);
      for (const one of [here, there]) {
        expect(await world.status(one)).toMatchObject({ phase: 'Running' });
        await world.api.remove(one);
      }
    });

    test('a stop, and what was kept of the log', async () => {
      const one = task('stopped-by-hand', long);
      await speaks(one);
      expect(await editor.countersign('tasks', 'stop', 'stopped-by-hand')).toEqual({
        code: 0,
        out: `${world.namespace}/stopped-by-hand is asked to stop\n`,
        err: '',
      });
      expect(await world.ended(one)).toMatchObject({ phase: 'Completed' });
      const podIsGone = async (): Promise<boolean> =>
        (await world.list('v1', 'pods')).every(({ metadata }) => metadata.name !== 'stopped-by-hand-pod');
      expect(await until(podIsGone, 60_000)).toBe(true);
      expect(await viewer.countersign('tasks', 'logs', 'stopped-by-hand')).toEqual({
        code: 0,
        out: 'secret words\n',
        err: `Its Pod is gone; this was kept in ConfigMap ${world.namespace}/stopped-by-hand-log:\n`,
      });
      expect((await editor.countersign('tasks', 'stop', 'stopped-by-hand')).out).toContain('has ended already');
    });

    test('what an init container has said, when the agent has never begun', async () => {
      const repository = 'http://127.0.0.1:1/nothing.git';
      const contexts = [{ type: 'Git', mountPath: '/workspace/nothing', git: { repository } }];
      const one = task('without-git', 'talks', { contexts });
      const status = await world.run(one, 120_000);
      expect(status.phase).toBe('Failed');
      const logs = await viewer.countersign('tasks', 'logs', 'without-git');
      expect(logs.code).toBe(0);
      expect(logs.err).toMatch(/^The agent has never begun: init container git-init\S* has failed\. Its log:\n$/);
      expect(logs.out).toContain('127.0.0.1');
      const listed = await viewer.countersign('tasks', 'list');
      expect(listed.out).toMatch(new RegExp(`without-git .*Failed .*${whyOf(status).reason}: `));
    });

    test('Tasks of KubeTask, which have a log and no stop', async () => {
      const one = world.kubeTask('of-kubetask');
      await world.run(one);
      const logs = await viewer.countersign('tasks', 'logs', 'of-kubetask');
      expect(logs).toMatchObject({ code: 0, err: '' });
      expect(logs.out).toContain('/workspace/task.md');
      const stop = await editor.countersign('tasks', 'stop', 'of-kubetask');
      expect(stop).toMatchObject({ code: 2, out: '' });
      expect(stop.err).toContain('kubectl delete tasks.kubetask.io of-kubetask');
      // Two of one name are told apart.
      await world.run(task('of-kubetask', 'nobody'));
      const which = await viewer.countersign('tasks', 'logs', 'of-kubetask');
      expect(which).toMatchObject({ code: 2, err: expect.stringContaining('--system') });
      const chosen = await viewer.countersign('tasks', 'logs', 'of-kubetask', '--system', 'kubetask');
      expect(chosen.out).toBe(logs.out);
    });

    test('a Task that has come under the name of another is not stopped in its place', async () => {
      const one = task('replaced', long);
      await speaks(one);
      const objects = apiTaskObjects(world.api.config);
      const tasks = agentTasks(objects, { now: () => new Date() });
      const { signal } = new AbortController();
      try {
        const found = await tasks.find(
          { system: 'kubeopencode', namespace: world.namespace, name: 'replaced' },
          signal,
        );
        if (!found.ok || found.value === undefined) throw new Error('the Task is there');
        const before = { ...found.value, uid: '00000000-0000-4000-8000-000000000000' };
        const stopped = await tasks.stop(before, signal);
        expect(stopped).toMatchObject({
          ok: true,
          value: { kind: 'refused', message: expect.stringContaining('metadata.uid') },
        });
        expect(JSON.stringify(await world.api.read(one))).not.toContain('kubeopencode.io/stop');
      } finally {
        objects.close();
        await world.api.remove(one);
      }
    });
  });

  describe('in the console and in metrics', () => {
    let server: WebhookProcess;
    let console: Console;

    beforeAll(async () => {
      // One process does both: it shows the Tasks that it looks after.
      await world.controller.stop();
      const [port = 0] = await freePorts(1);
      const flags = ['--leader-elect=false', `--console-listen=127.0.0.1:${port}`];
      server = await startPart('serve', [...world.flags, ...flags]);
      console = consoleAt(`https://127.0.0.1:${port}`, server.caBundle);
    }, 60_000);
    afterAll(async () => {
      await console?.close();
      await server?.close();
      await world.controller.start();
    }, 60_000);

    const pageOf = ({ metadata }: ApiObject): string =>
      `/console/tasks/kubeopencode/${metadata.namespace}/${metadata.name}`;
    const listOf = (namespace: string): string => `/console/tasks?namespace=${namespace}`;

    test('Tasks of the namespaces where one may list them', async () => {
      const [here, there] = [task('shown', long), away('shown-there')];
      for (const one of [here, there]) await speaks(one);
      const list = await console.get(viewer, listOf(world.namespace));
      expect(list.status).toBe(200);
      expect(words(list.text)).toMatch(new RegExp(`shown in ${world.namespace} \\S+ Running ${long}`));
      expect(list.text).not.toContain('shown-there');
      expect((await console.get(neighbour, listOf(elsewhere))).text).toContain('shown-there');

      for (const [person, path] of [
        [stranger, listOf(world.namespace)],
        [viewer, listOf(elsewhere)],
        [viewer, '/console/tasks'],
        [stranger, pageOf(here)],
        [viewer, pageOf(there)],
      ] as const) {
        const { status, text } = await console.get(person, path);
        expect([path, status]).toEqual([path, 403]);
        expect(text).not.toContain(long);
      }
      expect((await console.get({ token: 'nobody' }, pageOf(here))).status).toBe(401);
      for (const one of [here, there]) await world.api.remove(one);
    });

    test('one Task with its log, for whoever may read the log where the Pod is', async () => {
      const [here, there] = [task('told', long), away('told-there')];
      for (const one of [here, there]) await speaks(one);
      const shown = await console.get(viewer, pageOf(here));
      expect(shown.status).toBe(200);
      expect(words(shown.text)).toContain('container agent of Pod told-pod');
      expect(shown.text).toContain('secret words');
      expect(shown.text).not.toContain('Stop this Task');
      const hidden = await console.get(neighbour, pageOf(there));
      expect(hidden.status).toBe(200);
      expect(words(hidden.text)).toContain(`Logs of namespace ${world.namespace}, where its Pod is, are for those who`);
      expect(hidden.text).not.toContain('secret words');
      expect(hidden.text).toContain('Stop this Task');
      for (const one of [here, there]) await world.api.remove(one);
    });

    test('a stop, by whoever may patch the Task, from the page of this very Task', async () => {
      const one = away('stopped-there');
      await speaks(one);
      const path = pageOf(one);
      const stop = (person: Person, fields: Readonly<Record<string, string>>, site = 'same-origin'): Promise<number> =>
        console.post(person, `${path}/stop`, fields, site).then(({ status }) => status);
      const page = await console.get(neighbour, path);
      const uid = /name="uid" value="([^"]+)"/.exec(page.text)?.[1] ?? '';
      expect(uid).not.toBe('');
      expect(await stop(viewer, { uid })).toBe(403);
      expect(await stop(stranger, { uid })).toBe(403);
      expect(await stop(neighbour, { uid }, 'cross-site')).toBe(403);
      expect(await stop(neighbour, { uid: 'another' })).toBe(404);
      expect(await stop(neighbour, {})).toBe(404);
      expect(JSON.stringify(await world.api.read(one))).not.toContain('kubeopencode.io/stop');
      expect(await world.status(one)).toMatchObject({ phase: 'Running' });
      expect(await stop(neighbour, { uid })).toBe(303);
      const status = await world.ended(one);
      expect(status).toMatchObject({
        phase: 'Completed',
        conditions: expect.arrayContaining([
          expect.objectContaining({ type: 'Stopped', status: 'True', reason: 'UserStopped' }),
        ]),
      });
      // Kept where the Pod was: as little for the neighbour as the Pod's own.
      expect((await console.get(neighbour, path)).text).not.toContain('secret words');
    });

    test('gauges of what waits and runs, and durations of what has ended', { timeout: 120_000 }, async () => {
      const namespace = await world.another();
      const limited = { maxConcurrentTasks: 2, command: ['sleep', '12'] };
      await world.api.apply(world.agent('counted', limited, { namespace }));
      await world.api.apply(world.kubeTaskAgent('counted', {}, { namespace }));
      const agent = { agent: 'counted', namespace };
      const values = async () => {
        const value = metricsIn((await server.get('/metrics')).text);
        return {
          capacity: value('kubeopencode_agent_capacity', agent),
          queue: value('kubeopencode_agent_queue_length', agent),
          running: value('kubeopencode_tasks_total', { namespace, phase: 'Running' }),
          queued: value('kubeopencode_tasks_total', { namespace, phase: 'Queued' }),
          completed: value('kubeopencode_tasks_total', { namespace, phase: 'Completed' }),
        };
      };
      const become = async (wanted: Awaited<ReturnType<typeof values>>): Promise<void> => {
        let found = await values();
        const is = async (): Promise<boolean> => {
          found = await values();
          return JSON.stringify(found) === JSON.stringify(wanted);
        };
        await until(is, 60_000);
        expect(found).toEqual(wanted);
      };
      const none = { running: undefined, queued: undefined, completed: undefined };
      await become({ capacity: 2, queue: 0, ...none });
      const all = [1, 2, 3, 4, 5].map((index) =>
        world.task(`counted-${index}`, { agentRef: { name: 'counted' }, description: 'x' }, { namespace }),
      );
      for (const one of all) await world.api.create(one);
      await become({ capacity: 0, queue: 3, running: 2, queued: 3, completed: undefined });
      for (const one of all) await world.ended(one, 90_000);
      await become({ capacity: 2, queue: 0, running: undefined, queued: undefined, completed: 5 });
      await world.run(world.kubeTask('counted', { agentRef: 'counted' }, { namespace }));

      const value = metricsIn((await server.get('/metrics')).text);
      const duration = 'kubeopencode_task_duration_seconds';
      expect(value(`${duration}_count`, agent)).toBe(5);
      expect(value(`${duration}_bucket`, { ...agent, le: '10' })).toBe(0);
      expect(value(`${duration}_bucket`, { ...agent, le: '80' })).toBe(5);
      expect(value(`${duration}_sum`, agent)).toBeGreaterThanOrEqual(5 * 11);
      expect(value('kubetask_tasks_total', { namespace, phase: 'Completed' })).toBe(1);
      expect(value('kubetask_task_duration_seconds_count', agent)).toBe(1);

      for (const one of all) await world.api.remove(one);
      await become({ capacity: 2, queue: 0, ...none });
    });
  });

  test('kubectl describe says what has become of a Task', { timeout: 120_000 }, async () => {
    const describes = async (one: ApiObject, wanted: readonly string[]): Promise<void> => {
      const group = one.apiVersion.split('/')[0] ?? '';
      const { name, namespace = '' } = one.metadata;
      const what = [`--kubeconfig=${kubeconfig}`, '-n', namespace, 'describe', `tasks.${group}`, name];
      let text = '';
      // Events are told beside the work, and may come after it.
      await until(async () => {
        text = await runProgram(clusterFacts().kubectl, what);
        return wanted.every((reason) => eventIn(text, reason));
      }, 20_000);
      const told = text.slice(text.indexOf('\nEvents:'));
      for (const reason of wanted) expect(told).toMatch(eventOf(reason));
    };
    await world.api.apply(world.agent('one-slot', { maxConcurrentTasks: 1, command: ['sleep', '5'] }));
    const [first, second] = [task('tells-first', 'one-slot'), task('tells-second', 'one-slot')];
    for (const one of [first, second]) await world.api.create(one);
    const stopped = task('tells-stopped', long);
    await speaks(stopped);
    await world.api.merge(stopped, { metadata: { annotations: { 'kubeopencode.io/stop': 'true' } } });
    const failed = task('tells-failed', 'nobody-at-all');
    const kube = world.kubeTask('tells-kubetask');
    const kubeFailed = world.kubeTask('tells-kubetask-failed', { agentRef: 'nobody-at-all' });
    for (const one of [failed, kube, kubeFailed]) await world.api.create(one);
    for (const one of [first, second, stopped, failed, kube, kubeFailed]) await world.ended(one);
    const both = [await eventsOf(first), await eventsOf(second)].flat();
    expect(both).toContain('AgentAtCapacity');
    await describes(first, ['Normal PodCreated', 'Normal TaskCompleted']);
    await describes(second, ['Normal PodCreated', 'Normal TaskCompleted']);
    await describes(stopped, ['Normal PodCreated', 'Normal TaskStopped']);
    await describes(failed, ['Warning AgentError']);
    await describes(kube, ['Normal TaskStarted', 'Normal TaskCompleted']);
    await describes(kubeFailed, ['Warning AgentError']);
  });

  async function eventsOf({ metadata }: ApiObject): Promise<readonly string[]> {
    const { items } = await world.api.core.listNamespacedEvent({
      namespace: metadata.namespace ?? '',
      fieldSelector: `involvedObject.name=${metadata.name}`,
    });
    return items.map(({ reason = '' }) => reason);
  }
}

/** `told`: type and reason. */
function eventOf(told: string): RegExp {
  return new RegExp(`^ +${told.replace(' ', ' +')} `, 'm');
}

function eventIn(text: string, told: string): boolean {
  return eventOf(told).test(text);
}
