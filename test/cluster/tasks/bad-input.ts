/** What somebody may try with a Task or an Agent: refused, or Failed with the reason; nothing overwritten, nothing told. */
import { beforeAll, describe, expect, test } from 'vitest';
import { startGitServer } from '../../actions/git-server.ts';
import type { ApiObject } from '../gate/api.ts';
import { refusal } from '../gate/refusal.ts';
import { startRedirects } from './redirects.ts';
import { whyOf, type World } from './world.ts';

export function badInput(place: () => World): void {
  let world: World;

  beforeAll(() => {
    world = place();
  });

  const git = (more: object): object => ({
    type: 'Git',
    mountPath: '/workspace/x',
    git: { repository: 'https://git.example.com/x.git', ...more },
  });
  const url = (source: string, more: object = {}): object => ({
    type: 'URL',
    mountPath: 'x',
    url: { source, ...more },
  });
  const text = (mountPath: string): object => ({ type: 'Text', mountPath, text: 'x' });
  let count = 0;
  const withContext = (context: object): ApiObject =>
    world.task(`bad-${(count += 1)}`, { description: 'x', contexts: [context] });

  test.each<[string, object, RegExp]>([
    ['a password in the address', git({ repository: 'https://me:s3cret@git.example.com/x.git' }), /credentials/i],
    ['--upload-pack', git({ repository: '--upload-pack=touch /tmp/x' }), /repository/],
    ['file://', git({ repository: 'file:///etc' }), /repository/],
    ['ext::', git({ repository: 'ext::sh -c id' }), /repository/],
    ['a host that is an option', git({ repository: 'ssh://-oProxyCommand=id/x' }), /repository/],
    ['a ref that is an option', git({ ref: '--upload-pack=id' }), /ref/],
    ['a path that leads out', git({ path: '../../etc' }), /path/],
    ['no mountPath for Git', { ...git({}), mountPath: undefined }, /git context requires mountPath to be specified/],
    ['the metadata address', url('http://169.254.169.254/latest'), /169\.254\.169\.254/],
    ['the metadata address in one number', url('http://2852039166/'), /169\.254\.169\.254/],
    ['loopback', url('http://127.0.0.1:8080/'), /127\.0\.0\.1/],
    ['loopback by name', url('http://localhost/'), /localhost/],
    ['loopback in IPv6', url('http://[::ffff:7f00:1]/'), /loopback/i],
    ['another protocol', url('file:///etc/passwd'), /http/],
    [
      'a header that is two',
      url('https://example.com/', { headers: [{ name: 'X', value: 'a\r\nHost: b' }] }),
      /header/i,
    ],
    ['a path with ..', text('/workspace/../etc/passwd'), /mountPath/],
    ['the tools', text('/tools/opencode'), /\/tools/],
    ['the service account', text('/var/run/secrets/kubernetes.io/serviceaccount/token'), /mountPath/],
    ['the root', text('/'), /mountPath/],
  ])('%s', async (_title, context, message) => {
    const task = withContext(context);
    const status = await world.run(task);
    expect([status.phase, whyOf(status).reason]).toEqual(['Failed', 'ContextError']);
    expect(whyOf(status).message).toMatch(message);
    expect(JSON.stringify(status)).not.toContain('s3cret');
    const made = [...(await world.list('v1', 'pods')), ...(await world.list('v1', 'configmaps'))];
    expect(made.filter(({ metadata }) => metadata.name.startsWith(`${task.metadata.name}-`))).toEqual([]);
  });

  test('two contexts at one place', async () => {
    const task = world.task('conflict', { contexts: [text('/workspace/a'), text('/workspace/./a')] });
    const status = await world.run(task);
    expect(whyOf(status)).toMatchObject({
      reason: 'ContextError',
      message: expect.stringContaining('mount path conflict'),
    });
  });

  test.each<[string, () => ApiObject, RegExp]>([
    ['an unknown type of context', () => withContext({ type: 'Telepathy' }), /Telepathy/],
    ['a number as agentRef', () => world.task('number', { agentRef: 5 }), /agentRef/],
    ['an object without name as agentRef', () => world.task('nameless', { agentRef: { namespace: 'x' } }), /agentRef/],
    ['a port that is none', () => world.agent('port', { serverConfig: { port: 65_536 } }), /port/],
    [
      'a window of a second',
      () => world.agent('window', { quota: { maxTaskStarts: 1, windowSeconds: 1 } }),
      /windowSeconds/,
    ],
    ['a workspace that is relative', () => world.agent('relative', { workspaceDir: 'work' }), /workspaceDir/],
    [
      'a label of another Agent',
      () => world.agent('thief', { podSpec: { labels: { 'kubeopencode.io/agent': 'default' } } }),
      /kubeopencode\.io\/agent/,
    ],
    ['a description of 2 MB', () => world.task('large', { description: 'x'.repeat(2_000_000) }), /large|limit|long/i],
  ])('%s is refused when it is stored', async (_title, object, message) => {
    const answer = await world.api.create(object()).then(
      () => 'stored',
      (error: unknown) => String(error),
    );
    expect(answer).toMatch(message);
    expect(answer).not.toBe('stored');
  });

  test('a description that no ConfigMap has room for', async () => {
    const contexts = [{ type: 'Text', mountPath: 'more', text: 'y'.repeat(500_000) }];
    const status = await world.run(world.task('roomy', { description: 'x'.repeat(700_000), contexts }));
    expect([status.phase, whyOf(status).reason]).toEqual(['Failed', 'ContextError']);
    expect(whyOf(status).message).toMatch(/1048576|1 MiB/);
  });

  test('what has the name of its Pod, ConfigMap or Job already is left alone', async () => {
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'squatted-pod', namespace: world.namespace } };
    const spec = { containers: [{ name: 'main', image: world.images.executor, command: ['sleep', '600'] }] };
    await world.api.apply({ ...pod, spec });
    const map = world.configMap('squatted-context', { own: 'kept' });
    await world.api.apply(map);
    const task = world.task('squatted', { description: 'Say it.' });
    const status = await world.run(task);
    expect(status.phase).toBe('Completed');
    expect(status.podName).not.toBe('squatted-pod');
    expect(await world.log(task)).toBe('TOLD Say it.\n');
    expect(await world.api.read(map)).toMatchObject({ data: { own: 'kept' } });
    await world.api.remove(task);
    expect(await world.api.read(pod)).toMatchObject({ spec: { containers: [{ name: 'main' }] } });
    expect(await world.api.read(map)).toMatchObject({ data: { own: 'kept' } });
    await world.api.remove(pod);
    const job = {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name: 'taken-job', namespace: world.namespace },
      spec: { template: { spec: { ...spec, restartPolicy: 'Never' } } },
    };
    await world.api.apply(job);
    const other = await world.run(world.kubeTask('taken'));
    expect([other.phase, whyOf(other).reason]).toEqual(['Failed', 'NameTaken']);
    expect(await world.api.read(job)).toMatchObject({
      spec: { template: { spec: { containers: [{ name: 'main' }] } } },
    });
    await world.api.remove(job);
  });

  describe('in the init containers', () => {
    test('a wrong password is told, and not shown', async () => {
      const server = await startGitServer({ a: 'a' }, { credentials: { username: 'me', password: 'right' } });
      try {
        const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'wrong', namespace: world.namespace } };
        await world.api.apply({ ...secret, stringData: { username: 'me', password: 'wr0ng-w0rd' } });
        const task = withContext(git({ repository: server.url, secretRef: { name: 'wrong' } }));
        const status = await world.run(task, 100_000);
        expect([status.phase, whyOf(status).reason]).toEqual(['Failed', 'InitFailed']);
        expect(whyOf(status).message).toMatch(/git-init/);
        const log = await world.log(task, 'git-init-0');
        expect(log).toMatch(/auth/i);
        expect(log + JSON.stringify(status)).not.toContain('wr0ng-w0rd');
      } finally {
        await server.close();
      }
    });

    test('a page that leads to the metadata address', async () => {
      const pages = await startRedirects();
      try {
        for (const [path, message] of [
          ['/to-metadata', /169\.254\.169\.254/],
          ['/endless', /bytes|MiB|large/],
          ['/missing', /404/],
        ] as const) {
          const task = withContext(url(`${pages.origin}${path}`));
          const status = await world.run(task, 100_000);
          expect([path, status.phase, whyOf(status).reason]).toEqual([path, 'Failed', 'InitFailed']);
          expect(await world.log(task, 'url-fetch-0')).toMatch(message);
        }
      } finally {
        pages.close();
      }
    });
  });

  test('who may not, may not: a refusal has the words of the gate', async () => {
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'direct', namespace: world.namespace } };
    const image = world.unsigned('direct');
    const asked = world.api.create({ ...pod, spec: { containers: [{ name: 'main', image }] } });
    expect(await refusal(asked)).toMatchObject({ code: 403 });
  });
}
