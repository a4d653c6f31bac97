import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { agentKinds } from '../../src/agents/kinds.ts';
import { names } from '../../src/agents/model.ts';
import { condition, kubeTask, openCodeTask, putKeptLog, putPod, running } from '../fakes/tasks.ts';
import { json, run, type Ran } from './run.ts';
import { taskServer, type TaskServer } from './task-server.ts';

let server: TaskServer;

beforeEach(async () => {
  server = await taskServer();
});

afterEach(() => server.close());

function tasks(...args: readonly string[]): Promise<Ran> {
  return run('tasks', ...args, '--kubeconfig', server.kubeconfig);
}

function cells({ out }: Ran): readonly (readonly string[])[] {
  return out
    .trimEnd()
    .split('\n')
    .map((line) => line.trim().split(/ {2,}/));
}

const withPod = { status: { ...running, podName: 'one-pod', podNamespace: 'shop' } };

describe('tasks list', () => {
  test('lists those of the namespace of the kubeconfig, of both systems, page after page', async () => {
    const waiting = [condition('Queued', 'True', 'QuotaExceeded', 'Waiting for agent "opencode" quota')];
    const spec = { agentRef: { name: 'opencode', namespace: 'agents' } };
    server.cluster.put(openCodeTask('a', { spec, status: { phase: 'Queued', conditions: waiting } }));
    for (const name of ['b', 'c', 'd', 'e']) server.cluster.put(openCodeTask(name, { status: running }));
    server.cluster.put(kubeTask('f'));
    server.cluster.put(openCodeTask('elsewhere', { namespace: 'other' }));
    const ran = await tasks('list');
    expect([ran.code, ran.err]).toEqual([0, '']);
    const [head, first, ...others] = cells(ran);
    expect(head).toEqual(['NAMESPACE', 'NAME', 'SYSTEM', 'AGENT', 'PHASE', 'AGE', 'REASON']);
    expect(first?.toSpliced(5, 1)).toEqual([
      'shop',
      'a',
      'KubeOpenCode',
      'agents/opencode',
      'Queued',
      'QuotaExceeded: Waiting for agent "opencode" quota',
    ]);
    expect(others.map(([, name, system, agent, phase]) => [name, system, agent, phase].join(' '))).toEqual([
      'b KubeOpenCode default Running',
      'c KubeOpenCode default Running',
      'd KubeOpenCode default Running',
      'e KubeOpenCode default Running',
      'f KubeTask default Pending',
    ]);
  });

  test.each([
    [['-n', 'other'], ['elsewhere']],
    [['-A'], ['a', 'elsewhere', 'f']],
    [['-A', '--system', 'kubetask'], ['f']],
    [['-n', 'nowhere'], []],
  ])('%j says which', async (args, expected) => {
    server.cluster.put(openCodeTask('a'));
    server.cluster.put(openCodeTask('elsewhere', { namespace: 'other' }));
    server.cluster.put(kubeTask('f'));
    const listed = json(await tasks('list', ...args, '-o', 'json'));
    expect((listed as readonly { readonly name: string }[]).map(({ name }) => name).toSorted()).toEqual(expected);
  });

  test('as JSON says where its Pod is, and nothing that is not there', async () => {
    server.cluster.put(openCodeTask('a', { status: { ...running, podName: 'p', podNamespace: 'agents' } }));
    expect(json(await tasks('list', '-o', 'json'))).toEqual([
      {
        system: 'kubeopencode',
        namespace: 'shop',
        name: 'a',
        agent: { namespace: 'shop', name: 'default' },
        phase: 'Running',
        createdAt: expect.any(String),
        startTime: running.startTime,
        pod: { namespace: 'agents', name: 'p' },
      },
    ]);
  });

  test('is about the systems that there are', async () => {
    server.cluster.put(openCodeTask('a'));
    server.cluster.unserve(agentKinds.kubeTask);
    expect((await tasks('list')).code).toBe(0);
    const one = await tasks('list', '--system', 'kubetask');
    expect([one.code, one.err]).toEqual([2, expect.stringContaining('does not have KubeTask')]);
    server.cluster.unserve(agentKinds.task);
    expect((await tasks('list')).code).toBe(2);
  });

  test('shows what may be seen, and says what may not', async () => {
    server.cluster.put(kubeTask('a'));
    server.refuse = (_method, path) => (path.includes('kubeopencode.io') ? 403 : undefined);
    const half = await tasks('list');
    expect([half.code, cells(half).length]).toEqual([3, 2]);
    expect(half.err).toBe('countersign: cannot list tasks.kubeopencode.io: "tester" may not GET\n');
    server.refuse = () => 403;
    const none = await tasks('list');
    expect([none.code, none.out]).toEqual([3, '']);
  });

  test('writes nothing that could steer a terminal', async () => {
    const message = '\u001b]0;title\u0007\u202Egnol\nnew line';
    const conditions = [condition('Ready', 'False', 'AgentError', message)];
    server.cluster.put(openCodeTask('a', { status: { phase: 'Failed', conditions } }));
    const { out } = await tasks('list');
    expect(out).toContain('\\u{1b}]0;title\\u{7}\\u{202e}gnol\\u{a}new line');
    expect(out.trimEnd().split('\n')).toHaveLength(2);
  });
});

describe('tasks logs', () => {
  test('prints what the agent has printed, and asks for no more than is wanted', async () => {
    putPod(server.cluster, server.cluster.put(openCodeTask('one', withPod)));
    server.log = () => 'hello\nworld\n';
    expect(await tasks('logs', 'one', '--tail', '5')).toEqual({ code: 0, out: 'hello\nworld\n', err: '' });
    expect(server.requests.at(-1)).toBe(
      'GET /api/v1/namespaces/shop/pods/one-pod/log?container=agent&timestamps=false&tailLines=5',
    );
  });

  test('finds the Pod in the namespace of the Agent', async () => {
    const status = { ...running, podName: 'shop-one-pod', podNamespace: 'agents' };
    const task = server.cluster.put(openCodeTask('one', { status }));
    putPod(server.cluster, task, { namespace: 'agents', name: 'shop-one-pod' });
    server.log = () => 'from afar\n';
    expect((await tasks('logs', 'one')).out).toBe('from afar\n');
  });

  test('finds the Pod of a Job', async () => {
    const task = server.cluster.put(kubeTask('one', { status: { ...running, jobName: 'one-job' } }));
    putPod(server.cluster, task, { name: 'one-job-x' });
    server.log = () => 'of a Job\n';
    expect((await tasks('logs', 'one')).out).toBe('of a Job\n');
  });

  test('prints what was kept when the Pod is gone', async () => {
    const status = { phase: 'Completed', podName: 'one-pod', podNamespace: 'shop' };
    putKeptLog(server.cluster, server.cluster.put(openCodeTask('one', { status })), 'first\nsecond\nthird\n');
    expect(await tasks('logs', 'one', '--tail', '2')).toEqual({
      code: 0,
      out: 'second\nthird\n',
      err: 'Its Pod is gone; this was kept in ConfigMap shop/one-log:\n',
    });
  });

  test('prints the log of the init container that has failed, and says so', async () => {
    const task = server.cluster.put(openCodeTask('one', { status: { ...withPod.status, phase: 'Failed' } }));
    putPod(server.cluster, task, { state: {}, init: { 'git-init-0': { terminated: { exitCode: 128 } } } });
    server.log = (container) => `of ${container}\n`;
    expect(await tasks('logs', 'one', '-f')).toEqual({
      code: 0,
      out: 'of git-init-0\n',
      err: 'The agent has never begun: init container git-init-0 has failed. Its log:\n',
    });
  });

  test.each([
    [undefined, 'It has no Pod yet.'],
    [{ phase: 'Queued', conditions: [condition('Queued', 'True', 'AgentAtCapacity', 'Waiting')] }, 'Waiting.'],
    [{ phase: 'Failed', podName: 'one-pod' }, 'Its Pod is gone, and its log was not kept.'],
  ])('with status %j says why there is none', async (status, why) => {
    server.cluster.put(openCodeTask('one', status && { status }));
    const ran = await tasks('logs', 'one');
    expect([ran.code, ran.out, ran.err]).toEqual([3, '', expect.stringContaining(why)]);
  });

  test('takes out what would steer a terminal, but with --raw', async () => {
    putPod(server.cluster, server.cluster.put(openCodeTask('one', withPod)));
    const printed = '\u001b[31mred\u001b[0m\tand\r\n\u001b]0;title\u0007\u0008\u202Eback\u009b2J\n';
    server.log = () => printed;
    expect((await tasks('logs', 'one')).out).toBe('red\tand\nback\n');
    expect((await tasks('logs', 'one', '--raw')).out).toBe(printed);
  });

  test('follows what grows until it has ended, each line once', async () => {
    const { cluster } = server;
    const task = cluster.put(openCodeTask('one'));
    const place = { kind: agentKinds.task, namespace: 'shop', name: 'one' };
    const line = (second: number): string => `2026-01-02T03:04:0${second}.000000000Z line ${second}\n`;
    let looks = 0;
    server.refuse = (_method, path) => {
      // Nobody has looked at it until it was asked for twice.
      if (path.endsWith('/tasks/one') && (looks += 1) === 2) {
        cluster.setStatus(place, withPod.status);
        putPod(cluster, task);
      }
      return undefined;
    };
    let reads = 0;
    server.log = (_container, query) => {
      reads += 1;
      if (reads === 2) cluster.setStatus(place, { ...withPod.status, phase: 'Completed' });
      const from = query.get('sinceTime') === null ? 0 : reads - 2;
      return [0, 1, 2].slice(from, reads).map(line).join('');
    };
    const ran = await tasks('logs', 'one', '--follow', '--system', 'kubeopencode');
    expect(ran).toEqual({ code: 0, out: 'line 0\nline 1\nline 2\n', err: 'It has no Pod yet.\n' });
  });

  test.each<[readonly string[], string]>([
    [['logs', 'nobody'], 'there is no Task shop/nobody'],
    [['logs', '../secrets'], 'is not the name of an object'],
    [['logs', 'one', '-n', 'a/b'], '--namespace: "a/b" is not the name of an object'],
    [['logs', 'both'], 'say which with --system'],
    [['logs', 'one', '--tail', '0'], '--tail: "0" is not a number of lines'],
    [['list', '-A', '-n', 'shop'], 'one of them says where'],
    [['list', '--system', 'tekton'], 'kubeopencode'],
    [['stop', 'nobody'], 'there is no Task shop/nobody'],
    [['stop', 'job'], 'kubectl delete tasks.kubetask.io job -n shop'],
  ])('%j is a mistake', async (args, sentence) => {
    server.cluster.put(openCodeTask('one'));
    server.cluster.put(openCodeTask('both'));
    server.cluster.put(kubeTask('both'));
    server.cluster.put(kubeTask('job', { status: running }));
    const ran = await tasks(...args);
    expect([ran.code, ran.err]).toEqual([2, expect.stringContaining(sentence)]);
  });

  test('says why there is none without steering a terminal', async () => {
    const conditions = [condition('Ready', 'False', 'AgentError', '\u001b]0;title\u0007\u202Egnol')];
    server.cluster.put(openCodeTask('one', { status: { phase: 'Failed', conditions } }));
    const ran = await tasks('logs', 'one');
    expect([ran.code, ran.err]).toEqual([3, expect.stringContaining('\\u{1b}]0;title\\u{7}\\u{202e}gnol')]);
  });

  test('of a Pod whose log may not be read says so', async () => {
    putPod(server.cluster, server.cluster.put(openCodeTask('one', withPod)));
    server.refuse = (_method, path) => (path.endsWith('/log') ? 403 : undefined);
    const ran = await tasks('logs', 'one');
    expect([ran.code, ran.err]).toEqual([3, expect.stringContaining('"tester" may not GET')]);
  });
});

describe('tasks stop', () => {
  function annotation(): string | undefined {
    const [task] = server.cluster.all(agentKinds.task);
    return task?.metadata.annotations?.[names.stopAnnotation];
  }

  test('asks for it with the annotation', async () => {
    server.cluster.put(openCodeTask('one', { status: running }));
    expect(await tasks('stop', 'one')).toEqual({ code: 0, out: 'shop/one is asked to stop\n', err: '' });
    expect(annotation()).toBe('true');
  });

  test('is no mistake when it has ended', async () => {
    server.cluster.put(openCodeTask('one', { status: { phase: 'Failed' } }));
    expect(await tasks('stop', 'one')).toEqual({ code: 0, out: 'shop/one has ended already: Failed\n', err: '' });
    expect(annotation()).toBeUndefined();
  });

  test('is refused to whoever may not', async () => {
    server.cluster.put(openCodeTask('one', { status: running }));
    server.refuse = (method) => (method === 'PATCH' ? 403 : undefined);
    const ran = await tasks('stop', 'one');
    expect([ran.code, ran.err, annotation()]).toEqual([1, 'countersign: "tester" may not PATCH\n', undefined]);
  });
});

test('without a cluster is a mistake', async () => {
  const ran = await run('tasks', 'list', '--kubeconfig', '/nowhere/at/all');
  expect([ran.code, ran.err]).toEqual([2, expect.stringContaining('/nowhere/at/all')]);
});

test('with a cluster that does not answer is undecided', async () => {
  const { kubeconfig } = server;
  server.refuse = () => 503;
  const ran = await run('tasks', 'list', '--kubeconfig', kubeconfig);
  expect(ran.code).toBe(3);
});
