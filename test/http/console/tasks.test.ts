import { afterEach, describe, expect, test } from 'vitest';
import { agentTasks, watchedTaskObjects } from '../../../src/adapters/kubernetes/agent-tasks.ts';
import { agentKinds } from '../../../src/agents/kinds.ts';
import { names } from '../../../src/agents/model.ts';
import { failure } from '../../../src/kernel/failure.ts';
import type { KubeObject } from '../../../src/kernel/kube-object.ts';
import { fail } from '../../../src/kernel/result.ts';
import type { ObjectRight } from '../../../src/ports/access.ts';
import { fakeCluster, type FakeCluster } from '../../fakes/fake-cluster.ts';
import { condition, kubeTask, openCodeAgent, openCodeTask, putKeptLog, putPod, running } from '../../fakes/tasks.ts';
import { bearer, closeScenes, cookieOf, login, openScene, send, type Received, type Scene } from './scene.ts';

afterEach(closeScenes);

const now = Date.parse('2026-01-02T04:04:05Z');

interface World extends Scene {
  readonly cluster: FakeCluster;
}

type May = (right: ObjectRight) => boolean;

/** Whoever looks may look at the console; in the cluster they may what `may` says. */
async function world(may: May = () => true, kind: 'token' | 'local' = 'token'): Promise<World> {
  const cluster = fakeCluster({ now: () => now });
  const tasks = agentTasks(watchedTaskObjects(cluster), { now: () => new Date(now) });
  const scene = await openScene(kind, { tasks });
  scene.access.allowRight = (_caller, right) => may(right);
  return { ...scene, cluster };
}

function get(scene: Scene, path: string): Promise<Received> {
  return send(scene, path, bearer('viewer'));
}

function words(text: string): string {
  return text.replaceAll(/<[^>]*>/g, ' ').replaceAll(/\s+/g, ' ');
}

function rows(text: string): readonly string[] {
  return [...text.matchAll(/<tr role="row">[\s\S]*?<\/tr>/g)].slice(1).map(([row]) => words(row).trim());
}

const inShop: May = ({ namespace }) => namespace === 'shop';

describe('/console/tasks', () => {
  test('shows phase, Agent, age and why of both systems, and how many of each phase there are', async () => {
    const scene = await world();
    const waiting = [condition('Queued', 'True', 'AgentAtCapacity', 'Waiting for agent "opencode" capacity (max: 2)')];
    const spec = { agentRef: { name: 'opencode', namespace: 'agents' } };
    scene.cluster.put(openCodeTask('waits', { spec, status: { phase: 'Queued', conditions: waiting } }));
    scene.cluster.put(kubeTask('runs', { status: running }));
    const { status, text } = await get(scene, '/console/tasks');
    expect(status).toBe(200);
    expect(rows(text)).toEqual([
      'runs in shop ▷ Running default 0s KubeTask',
      'waits in shop … Queued opencode in agents 0s AgentAtCapacity Waiting for agent &quot;opencode&quot; capacity (max: 2) KubeOpenCode',
    ]);
    expect(words(text)).toContain('1 Queued 1 Running');
    expect(text).toContain('href="/console/tasks/kubetask/shop/runs"');
  });

  test.each([
    ['?phase=Running', ['b']],
    ['?agent=other', ['b']],
    ['?agent=shop%2Fother', ['b']],
    ['?namespace=elsewhere', ['c']],
    ['?system=kubetask', ['d']],
    ['?phase=Failed', []],
  ])('%s narrows the list', async (search, expected) => {
    const scene = await world();
    scene.cluster.put(openCodeTask('a'));
    scene.cluster.put(openCodeTask('b', { spec: { agentRef: 'other' }, status: running }));
    scene.cluster.put(openCodeTask('c', { namespace: 'elsewhere' }));
    scene.cluster.put(kubeTask('d'));
    const { text } = await get(scene, `/console/tasks${search}`);
    expect(rows(text).map((row) => row.split(' ')[0])).toEqual(expected);
    expect(text.includes('No Task fits these filters')).toBe(expected.length === 0);
  });

  test.each([
    ['?phase=Done', 'There is no phase &quot;Done&quot;.'],
    ['?system=%3Cscript%3E', 'There is no system &quot;&lt;script&gt;&quot;.'],
    ['?colour=red', 'There is no filter &quot;colour&quot;'],
    ['?after=-1', 'begin again'],
  ])('asks nothing for %s', async (search, sentence) => {
    const { status, text } = await get(await world(), `/console/tasks${search}`);
    expect(status).toBe(400);
    expect(words(text)).toContain(sentence);
  });

  test('goes through all pages and back', async () => {
    const scene = await world();
    for (let index = 0; index < 250; index += 1) scene.cluster.put(openCodeTask(`task-${index}`));
    const seen: string[] = [];
    const paths: string[] = [];
    for (let path: string | undefined = '/console/tasks?system=kubeopencode'; path !== undefined;) {
      paths.push(path);
      const { text } = await get(scene, path);
      seen.push(...rows(text).map((row) => row.split(' ')[0] ?? ''));
      path = /rel="next" href="([^"]*)"/.exec(text)?.[1]?.replaceAll('&amp;', '&');
    }
    expect([paths.length, new Set(seen).size]).toEqual([3, 250]);
  });

  test('says so when there is none, or the cluster has no such system', async () => {
    const scene = await world();
    expect(words((await get(scene, '/console/tasks')).text)).toContain('There is no Task');
    scene.cluster.unserve(agentKinds.kubeTask);
    expect(words((await get(scene, '/console/tasks')).text)).toContain('The cluster does not have KubeTask');
  });
});

describe('rights', () => {
  async function secretWorld(may: May, kind: 'token' | 'local' = 'token'): Promise<World> {
    const scene = await world(may, kind);
    scene.cluster.put(openCodeTask('hush', { namespace: 'secret', spec: { description: 'hush-hush' } }));
    scene.cluster.put(openCodeAgent('hush', { namespace: 'secret' }));
    return scene;
  }

  test.each(['/console/tasks', '/console/agents', '/console/tasks/kubeopencode/secret/hush'])(
    '%s shows nothing to whoever may list nothing',
    async (path) => {
      const scene = await secretWorld(() => false);
      const { status, text } = await get(scene, path);
      expect(status).toBe(403);
      expect(words(text)).toMatch(/You may not list (?:tasks|agents)\.kubeopencode\.io/);
      expect(text).not.toContain('hush-hush');
      expect(rows(text)).toEqual([]);
    },
  );

  test.each(['hush', 'nobody'])('do not tell whether there is %s', async (name) => {
    const scene = await secretWorld(inShop);
    expect((await get(scene, `/console/tasks/kubeopencode/secret/${name}`)).status).toBe(403);
  });

  test('in a namespace show what is there, and nothing else', async () => {
    const scene = await secretWorld(inShop);
    scene.cluster.put(openCodeTask('mine'));
    const all = await get(scene, '/console/tasks');
    expect([all.status, rows(all.text)]).toEqual([403, []]);
    expect(words(all.text)).toContain('Name a namespace in which you may.');
    const { status, text } = await get(scene, '/console/tasks?namespace=shop');
    expect([status, rows(text)]).toEqual([200, ['mine in shop ◦ Pending default 0s KubeOpenCode']]);
    expect((await get(scene, '/console/tasks?namespace=secret')).status).toBe(403);
    expect((await get(scene, '/console/agents?namespace=secret')).status).toBe(403);
  });

  test('on one system do not show the other', async () => {
    const scene = await secretWorld(({ group }) => group === 'kubetask.io');
    scene.cluster.put(kubeTask('mine'));
    const { status, text } = await get(scene, '/console/tasks');
    expect([status, rows(text)]).toEqual([200, ['mine in shop ◦ Pending default 0s KubeTask']]);
    expect(words(text)).toContain('You may not list tasks.kubeopencode.io in all namespaces.');
  });

  test('on Tasks are none on Agents', async () => {
    const scene = await secretWorld(({ resource }) => resource === 'tasks');
    expect((await get(scene, '/console/tasks')).status).toBe(200);
    expect((await get(scene, '/console/agents')).status).toBe(403);
  });

  test.each(['/console/tasks', '/console/agents', '/console/tasks/kubeopencode/secret/hush'])(
    'of nobody in particular are none: %s without tokens',
    async (path) => {
      const scene = await secretWorld(() => true, 'local');
      const { status, text } = await send(scene, path);
      expect(status).toBe(403);
      expect(words(text)).toContain('this port asks nobody who they are');
      expect(text).not.toContain('hush-hush');
    },
  );

  test('are not taken for granted while the cluster does not answer', async () => {
    const scene = await secretWorld(() => true);
    scene.access.may = async () => fail(failure('CLUSTER_UNAVAILABLE', 'it cannot be reached', 5));
    for (const path of ['/console/tasks', '/console/agents', '/console/tasks/kubeopencode/secret/hush']) {
      const { status, text } = await get(scene, path);
      expect([path, status]).toEqual([path, 503]);
      expect(text).not.toContain('hush-hush');
    }
  });

  test('are asked for beside that of the console', async () => {
    const scene = await secretWorld(() => true);
    for (const path of ['/console/tasks', '/console/agents', '/console/tasks/kubeopencode/secret/hush']) {
      expect((await send(scene, path)).status).toBe(401);
      expect((await send(scene, path, bearer('records-only'))).status).toBe(403);
    }
  });
});

describe('/console/tasks/SYSTEM/NAMESPACE/NAME', () => {
  const status = {
    ...running,
    podName: 'shop-one-pod',
    podNamespace: 'agents',
    agentRef: { name: 'opencode', namespace: 'agents' },
    conditions: [condition('Ready', 'True', 'PodRunning', 'The Pod runs.')],
  };

  function putRunning({ cluster }: World, log = 'hello\n'): KubeObject {
    const contexts = [{ name: 'guide', type: 'ConfigMap', configMap: { name: 'guides', key: 'a.md' } }];
    const task = cluster.put(openCodeTask('one', { spec: { description: 'Update it.', contexts }, status }));
    putPod(cluster, task, { namespace: 'agents', name: 'shop-one-pod' });
    cluster.setLog({ namespace: 'agents', name: 'shop-one-pod' }, log);
    return task;
  }

  const path = '/console/tasks/kubeopencode/shop/one';

  test('shows what it was told, its conditions, its Pod and the end of its log', async () => {
    const scene = await world();
    putRunning(scene);
    const { status: code, text } = await get(scene, path);
    expect(code).toBe(200);
    expect(text).toContain('<title>Running: one · Countersign</title>');
    for (const said of [
      'Update it.',
      'name: guides',
      'PodRunning',
      'shop-one-pod in agents',
      'hello',
      'Stop this Task',
    ])
      expect(words(text)).toContain(said);
  });

  test('shows no log to whoever may not read the logs of the namespace where its Pod is', async () => {
    const scene = await world((right) => inShop(right) || right.resource === 'tasks');
    putRunning(scene, 'token of the agents');
    const { text } = await get(scene, path);
    expect(scene.access.calls).toContain('get pods/log  agents');
    expect(words(text)).toContain(
      'Logs of namespace agents, where its Pod is, are for those who may get pods/log there.',
    );
    expect(text).not.toContain('token of the agents');
    expect(scene.cluster.calls.get('logTail Pod')).toBeUndefined();
  });

  test('shows what was kept of its log, under the same right', async () => {
    let mayRead = true;
    const scene = await world(({ resource }) => resource !== 'pods' || mayRead);
    const task = scene.cluster.put(openCodeTask('one', { status: { phase: 'Completed', podName: 'one-pod' } }));
    putKeptLog(scene.cluster, task, 'the kept end');
    expect((await get(scene, path)).text).toContain('the kept end');
    mayRead = false;
    scene.later(60_001);
    expect((await get(scene, path)).text).not.toContain('the kept end');
  });

  test('shows at most the last 64 KiB', async () => {
    const scene = await world();
    putRunning(scene, `first${'x'.repeat(100_000)}last`);
    const { text } = await get(scene, path);
    expect(text).toContain('xlast');
    expect(text).not.toContain('firstx');
    expect(text.length).toBeLessThan(80_000);
  });

  test('shows the log of an init container that has failed', async () => {
    const scene = await world();
    const task = scene.cluster.put(openCodeTask('one', { status: { phase: 'Failed', podName: 'one-pod' } }));
    putPod(scene.cluster, task, { state: {}, init: { 'git-init-0': { terminated: { exitCode: 128 } } } });
    scene.cluster.setLog({ namespace: 'shop', name: 'one-pod' }, 'fatal: not found');
    const { text } = await get(scene, path);
    expect(words(text)).toContain('this init container has failed');
    expect(text).toContain('fatal: not found');
  });

  test('says so when the log cannot be read', async () => {
    const scene = await world();
    putRunning(scene);
    scene.cluster.refuse = (verb) => (verb === 'logTail' ? 'unavailable' : undefined);
    const { status: code, text } = await get(scene, path);
    expect([code, words(text)]).toEqual([200, expect.stringContaining('It cannot be read at the moment')]);
  });

  test('of KubeTask has no stop, and says how to end it', async () => {
    const scene = await world();
    scene.cluster.put(kubeTask('one', { status: running }));
    const { text } = await get(scene, '/console/tasks/kubetask/shop/one');
    expect(text).not.toContain('<button>Stop');
    expect(words(text)).toContain('kubectl delete tasks.kubetask.io one -n shop');
  });

  test('of KubeTask has its Pod beside it, whatever its status says', async () => {
    const scene = await world();
    scene.cluster.put(kubeTask('one', { status: { ...running, jobName: 'one-job', podNamespace: 'mine' } }));
    await get(scene, '/console/tasks/kubetask/shop/one');
    expect(scene.access.calls).toContain('get pods/log  shop');
    expect(scene.access.calls).not.toContain('get pods/log  mine');
  });

  test.each(['none', 'ONE', '..%2fone', '%00', '__proto__'])('%s is nobody', async (name) => {
    const { status: code, text } = await get(await world(), `/console/tasks/kubeopencode/shop/${name}`);
    expect([code, words(text)]).toEqual([404, expect.stringContaining('No such Task')]);
  });

  test('of a system that there is not is nobody', async () => {
    expect((await get(await world(), '/console/tasks/tekton/shop/one')).status).toBe(404);
  });
});

describe('the stop', () => {
  const path = '/console/tasks/kubeopencode/shop/one';
  const sameOrigin = { 'sec-fetch-site': 'same-origin', 'content-type': 'application/x-www-form-urlencoded' };

  async function post(scene: Scene, headers: Readonly<Record<string, string>>, uid: string): Promise<Received> {
    const body = new URLSearchParams({ uid }).toString();
    return send(scene, `${path}/stop`, { method: 'POST', body, headers });
  }

  async function stopping(may: May, status: object = running): Promise<World & { cookie: string; uid: string }> {
    const scene = await world(may);
    const { metadata } = scene.cluster.put(openCodeTask('one', { status }));
    return { ...scene, cookie: cookieOf(await login(scene, 'viewer')), uid: metadata.uid };
  }

  function isAsked({ cluster }: World): boolean {
    const task = cluster.get({ kind: agentKinds.task, namespace: 'shop', name: 'one' });
    return task?.metadata.annotations?.[names.stopAnnotation] === 'true';
  }

  test('is asked for with a session, from our own page, by whoever may patch the Task', async () => {
    const scene = await stopping(() => true);
    const answer = await post(scene, { ...sameOrigin, cookie: scene.cookie }, scene.uid);
    expect([answer.status, answer.headers.location]).toEqual([303, path]);
    expect(isAsked(scene)).toBe(true);
    const { text } = await send(scene, path, { headers: { cookie: scene.cookie } });
    expect(words(text)).toContain('It was asked to stop.');
    expect(text).not.toContain('Stop this Task');
  });

  test.each([
    ['another site', { 'sec-fetch-site': 'cross-site' }],
    ['a sibling of the host', { 'sec-fetch-site': 'same-site' }],
    ['another origin', { origin: 'https://evil.example', 'content-type': sameOrigin['content-type'] }],
    ['nowhere', { 'content-type': sameOrigin['content-type'] }],
  ])('is not taken from %s', async (_from, headers) => {
    const scene = await stopping(() => true);
    const answer = await post(scene, { ...headers, cookie: scene.cookie }, scene.uid);
    expect([answer.status, isAsked(scene)]).toEqual([403, false]);
  });

  test('is not taken from whoever has not signed in, or may not look at the console', async () => {
    const scene = await stopping(() => true);
    expect((await post(scene, sameOrigin, scene.uid)).status).toBe(401);
    expect((await post(scene, { ...sameOrigin, ...bearer('records-only').headers }, scene.uid)).status).toBe(403);
    expect(isAsked(scene)).toBe(false);
  });

  test.each<[string, May]>([
    ['may only look', ({ verb }) => verb !== 'patch'],
    ['may patch elsewhere', ({ verb, namespace }) => verb !== 'patch' || namespace === 'other'],
    ['may patch those of the other system', ({ verb, group }) => verb !== 'patch' || group === 'kubetask.io'],
  ])('is refused to whoever %s, and has no button', async (_who, may) => {
    const scene = await stopping(may);
    const answer = await post(scene, { ...sameOrigin, cookie: scene.cookie }, scene.uid);
    expect([answer.status, isAsked(scene)]).toEqual([403, false]);
    expect(words(answer.text)).toContain('allowed to patch tasks.kubeopencode.io in namespace shop');
    const { text } = await send(scene, path, { headers: { cookie: scene.cookie } });
    expect(text).not.toContain('Stop this Task');
  });

  test('is of the Task that the page was about', async () => {
    const scene = await stopping(() => true);
    expect((await post(scene, { ...sameOrigin, cookie: scene.cookie }, 'former')).status).toBe(404);
    expect(isAsked(scene)).toBe(false);
  });

  test('has no button when it has ended, and is no error', async () => {
    const scene = await stopping(() => true, { phase: 'Completed' });
    const { text } = await send(scene, path, { headers: { cookie: scene.cookie } });
    expect(text).not.toContain('Stop this Task');
    expect((await post(scene, { ...sameOrigin, cookie: scene.cookie }, scene.uid)).status).toBe(303);
    expect(isAsked(scene)).toBe(false);
  });

  test("may be refused by the cluster, in the cluster's words", async () => {
    const scene = await stopping(() => true);
    scene.cluster.refuse = () => ({ status: 403, message: 'a <webhook> says no' });
    const { status, text } = await post(scene, { ...sameOrigin, cookie: scene.cookie }, scene.uid);
    expect([status, words(text)]).toEqual([409, expect.stringContaining('a &lt;webhook&gt; says no')]);
  });

  test('does not exist for KubeTask, nor without tokens', async () => {
    const scene = await stopping(() => true);
    const other = await send(scene, '/console/tasks/kubetask/shop/one/stop', {
      method: 'POST',
      headers: { ...sameOrigin, cookie: scene.cookie },
    });
    expect(other.status).toBe(404);
    const local = await world(() => true, 'local');
    const { metadata } = local.cluster.put(openCodeTask('one', { status: running }));
    expect((await post(local, sameOrigin, metadata.uid)).status).toBe(403);
    expect(isAsked(local)).toBe(false);
  });

  test('is all that can be sent to these pages', async () => {
    const scene = await stopping(() => true);
    for (const to of ['/console/tasks', path, '/console/agents'])
      expect((await send(scene, to, { method: 'POST', headers: { ...sameOrigin, cookie: scene.cookie } })).status).toBe(
        405,
      );
  });
});

describe('/console/agents', () => {
  test('shows mode, load, quota, images and what is wrong', async () => {
    const scene = await world();
    const quota = { maxTaskStarts: 5, windowSeconds: 60 };
    scene.cluster.put(
      openCodeAgent('busy', { spec: { maxConcurrentTasks: 2, quota, executorImage: 'registry.example/x:1' } }),
    );
    scene.cluster.put(openCodeTask('one', { spec: { agentRef: 'busy' }, status: running }));
    scene.cluster.put(openCodeTask('two', { spec: { agentRef: 'busy' }, status: { phase: 'Queued' } }));
    scene.cluster.put(openCodeAgent('broken', { spec: { serviceAccountName: '' } }));
    const server = {
      conditions: [condition('ServerReady', 'True', 'DeploymentReady', '')],
      serverStatus: { readyReplicas: 1 },
    };
    scene.cluster.put(openCodeAgent('server', { spec: { serverConfig: { port: 4097 } }, status: server }));
    const { status, text } = await get(scene, '/console/agents');
    expect(status).toBe(200);
    const [broken = '', busy = '', withServer = ''] = rows(text);
    expect(broken).toMatch(/^broken in shop ✕ Not usable .*serviceAccountName/);
    expect(busy).toContain('A Pod for each Task 1 of 2 running, 1 queued 0 of 5 in 60 s');
    expect(busy).toContain('executor: registry.example/x:1');
    expect(withServer).toContain('✓ Server ready 1 replica, port 4097');
    expect(text).toContain('href="/console/tasks?agent=shop%2Fbusy&amp;system=kubeopencode"');
  });

  test('says so when there is none', async () => {
    expect(words((await get(await world(), '/console/agents')).text)).toContain('There is no Agent');
  });
});

test('a process that has no Tasks says so', async () => {
  const scene = await openScene('token');
  for (const path of ['/console/tasks', '/console/agents']) {
    const { status, text } = await get(scene, path);
    expect([status, words(text)]).toEqual([404, expect.stringContaining('does not look after Tasks')]);
  }
});

describe('what others wrote stays text', () => {
  const hostile = [
    `<script>alert(1)</script>`,
    `"><img src=x onerror=alert(1)>`,
    `' onmouseover='alert(1)`,
    `</code></pre><script>alert(1)</script>`,
    `\u001b]0;title\u0007\u202Eevil<svg/onload=alert(1)>`,
    `\${alert(1)}{{constructor.constructor('alert(1)')()}}`,
  ];

  test.each(hostile)('%j', async (text) => {
    const scene = await world();
    const status = {
      ...running,
      phase: 'Failed',
      podName: 'one-pod',
      agentRef: { name: text, namespace: text },
      conditions: [condition('Ready', 'False', text, text), condition(text, 'True', text, text)],
    };
    const spec = { description: text, contexts: [{ type: text, name: text, [text]: text }] };
    const task = scene.cluster.put(openCodeTask('one', { spec, status }));
    putPod(scene.cluster, task);
    scene.cluster.setLog({ namespace: 'shop', name: 'one-pod' }, text);
    const image = { spec: { agentImage: text, serverConfig: {} }, status: { serverStatus: { url: text } } };
    scene.cluster.put(openCodeAgent('agent', image));
    scene.cluster.put(openCodeTask('two', { status: { ...status, podName: text, podNamespace: text } }));
    scene.cluster.put(kubeTask('three', { status: { ...running, jobName: text } }));
    const paths = ['/console/tasks', '/console/agents', '/console/tasks/kubeopencode/shop/one'];
    for (const path of [...paths, '/console/tasks/kubeopencode/shop/two', '/console/tasks/kubetask/shop/three']) {
      const { status: code, text: page, headers } = await get(scene, path);
      expect([path, code]).toEqual([path, 200]);
      expect(headers['content-security-policy']).toContain("default-src 'none'");
      expect(page).not.toMatch(/<script|<img|<svg|\son\w+=['"]/);
      expect(page).not.toMatch(/[^\P{Cc}\t\n]|\u202E/u);
    }
  });
});
