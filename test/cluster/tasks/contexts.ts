/** What Tasks of both systems find in their workspace, byte for byte, on a real node. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { addressForPods, startGitServer, type GitServer } from '../../actions/git-server.ts';
import { startSshGit, type SshGit } from './ssh-git.ts';
import { filesIn, tellFiles, type World } from './world.ts';

const odd = 'two\nlines, "quotes", $(HOME) $HOME `id` \\ and äöü €\n\n';
const tell = ['sh', '-c', tellFiles];

export function contexts(place: () => World): void {
  let world: World;
  let git: GitServer;
  let guarded: GitServer;
  let ssh: SshGit;
  let web: Server;
  let pages: string;

  beforeAll(async () => {
    world = place();
    const { api } = world;
    git = await startGitServer({ 'guides/one.md': odd, 'README.md': 'readme\n' });
    guarded = await startGitServer(
      { 'secret.md': 'for those who may\n' },
      { credentials: { username: 'reader', password: 'p4ss:word' } },
    );
    ssh = await startSshGit({ 'over-ssh.md': 'by ssh\n' });
    web = createServer((request, response) => {
      const isKnown = request.headers.authorization === 'Bearer t0ken' && request.headers['x-team'] === 'red';
      response.writeHead(request.url === '/open' || isKnown ? 200 : 401).end(odd);
    });
    await new Promise<void>((resolve, reject) => {
      addressForPods().then((address) => web.listen(0, address, resolve), reject);
    });
    const { address, port } = web.address() as AddressInfo;
    pages = `http://${address}:${port}`;
    await api.apply(world.configMap('guides', { 'refactoring-guide.md': odd, other: 'other\n' }));
    await api.apply(world.configMap('project-configs', { 'a.yaml': 'a: 1\n', 'b.json': '{}' }));
    await api.apply(world.agent('teller', { command: tell }));
    const secret = (name: string, stringData: object) => ({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name, namespace: world.namespace },
      stringData,
    });
    await api.apply(secret('git-reader', { username: 'reader', password: 'p4ss:word' }));
    await api.apply(secret('git-ssh', { 'ssh-privatekey': ssh.key, 'ssh-known-hosts': ssh.knownHosts }));
    await api.apply(secret('web-token', { token: 't0ken' }));
    await api.apply(secret('api-credentials', { ANTHROPIC_API_KEY: 'k1', OTHER: 'o1' }));
  }, 60_000);
  afterAll(async () => {
    await git?.close();
    await guarded?.close();
    await ssh?.close();
    web?.close();
  });

  describe('KubeTask', () => {
    test('inline file, key of a ConfigMap and a whole ConfigMap', async () => {
      const task = world.kubeTask('complex-task', {
        contexts: [
          { type: 'File', file: { filePath: '/workspace/task.md', source: { inline: odd } } },
          {
            type: 'File',
            file: {
              filePath: '/workspace/guide.md',
              source: { configMapKeyRef: { name: 'guides', key: 'refactoring-guide.md' } },
            },
          },
          {
            type: 'File',
            file: { dirPath: '/workspace/configs', source: { configMapRef: { name: 'project-configs' } } },
          },
        ],
      });
      const status = await world.run(task);
      expect(status).toMatchObject({ phase: 'Completed', jobName: 'complex-task-job' });
      const files = filesIn(await world.log(task));
      expect(files.get('/workspace/task.md')?.text).toBe(odd);
      expect(files.get('/workspace/guide.md')?.text).toBe(odd);
      expect(files.get('/workspace/configs/a.yaml')?.text).toBe('a: 1\n');
      expect(files.get('/workspace/configs/b.json')?.text).toBe('{}');
    });

    test('contexts of the Agent come first, and files of one path are joined', async () => {
      const file = (text: string) => ({
        type: 'File',
        file: { filePath: '/workspace/notes.md', source: { inline: text } },
      });
      await world.api.apply(world.kubeTaskAgent('with-defaults', { defaultContexts: [file('of the agent')] }));
      const task = world.kubeTask('joined', { agentRef: 'with-defaults', contexts: [file('of the task')] });
      expect(await world.run(task)).toMatchObject({ phase: 'Completed' });
      const text = filesIn(await world.log(task)).get('/workspace/notes.md')?.text ?? '';
      expect(text.indexOf('of the agent')).toBeGreaterThanOrEqual(0);
      expect(text.indexOf('of the task')).toBeGreaterThan(text.indexOf('of the agent'));
      expect(text).toContain('<context index="0">');
    });

    test('credentials as variable and as file, and its own name', async () => {
      const image = world.image(
        'keyed',
        'echo "$TOKEN $TASK_NAME $TASK_NAMESPACE"; cat /tmp/keys/id; stat -L -c %a /tmp/keys/id',
      );
      const key = (name: string) => ({ name: 'api-credentials', key: name });
      await world.api.apply(
        world.kubeTaskAgent('with-credentials', {
          agentImage: image,
          credentials: [
            { name: 'var', secretRef: key('OTHER'), env: 'TOKEN' },
            { name: 'file', secretRef: key('ANTHROPIC_API_KEY'), mountPath: '/tmp/keys/id', fileMode: 0o444 },
          ],
        }),
      );
      const task = world.kubeTask('credentials', { agentRef: 'with-credentials' });
      expect(await world.run(task)).toMatchObject({ phase: 'Completed' });
      expect(await world.log(task)).toBe(`o1 credentials ${world.namespace}\nk1444\n`);
    });
  });

  describe('KubeOpenCode', () => {
    test('Text, ConfigMap by key and whole, Runtime, a description', async () => {
      const task = world.task('all-kinds', {
        agentRef: { name: 'teller' },
        description: odd,
        contexts: [
          { type: 'Text', mountPath: 'guides/standards.md', text: odd, fileMode: 0o755 },
          { type: 'Text', name: 'style', text: 'Use descriptive names' },
          {
            type: 'ConfigMap',
            mountPath: '/workspace/guide.md',
            configMap: { name: 'guides', key: 'refactoring-guide.md' },
          },
          { type: 'ConfigMap', mountPath: '/workspace/configs', configMap: { name: 'project-configs' } },
          { type: 'ConfigMap', configMap: { name: 'guides' } },
          { type: 'ConfigMap', optional: true, mountPath: '/workspace/none', configMap: { name: 'not-there' } },
          { type: 'Runtime', runtime: {} },
        ],
      });
      expect(await world.run(task)).toMatchObject({
        phase: 'Completed',
        podName: 'all-kinds-pod',
        podNamespace: world.namespace,
      });
      const files = filesIn(await world.log(task));
      expect(files.get('/workspace/task.md')?.text).toBe(odd);
      expect(files.get('/workspace/guides/standards.md')).toEqual({ mode: '755', text: odd });
      expect(files.get('/workspace/guide.md')).toEqual({ mode: '644', text: odd });
      expect(files.get('/workspace/configs/a.yaml')?.text).toBe('a: 1\n');
      expect(files.get('/workspace/configs/b.json')?.text).toBe('{}');
      const told = files.get('/workspace/.kubeopencode/context.md')?.text ?? '';
      expect(told).toContain(
        `<context name="style" namespace="${world.namespace}" type="Text">\nUse descriptive names\n</context>`,
      );
      expect(told).toContain('<file name="refactoring-guide.md">');
      expect(told).toContain('## KubeOpenCode Runtime Context');
      expect([...files.keys()].filter((path) => path.startsWith('/workspace/none'))).toEqual([]);
    });

    test('what opencode is told is the description, and the context file is in its configuration', async () => {
      const task = world.task('told-it', { description: 'Say it.', contexts: [{ type: 'Text', text: 'known' }] });
      expect(await world.run(task)).toMatchObject({ phase: 'Completed' });
      expect(await world.log(task)).toBe('TOLD Say it.\n');
    });

    test('Git: a branch, a path in it, a commit, with a password, by ssh', async () => {
      const mount = (mountPath: string, git_: object) => ({ type: 'Git', mountPath, git: git_ });
      const task = world.task('git', {
        agentRef: { name: 'teller' },
        description: 'read',
        contexts: [
          mount('/workspace/repo', { repository: git.url, ref: 'main' }),
          mount('/workspace/guides', { repository: git.url, path: 'guides/' }),
          mount('/workspace/commit', { repository: git.url, ref: git.commit('main'), depth: 0 }),
          mount('/workspace/guarded', { repository: guarded.url, secretRef: { name: 'git-reader' } }),
          mount('/workspace/ssh', { repository: ssh.url, secretRef: { name: 'git-ssh' } }),
        ],
      });
      expect(await world.run(task, 120_000)).toMatchObject({ phase: 'Completed' });
      const files = filesIn(await world.log(task));
      expect(files.get('/workspace/repo/guides/one.md')?.text).toBe(odd);
      expect(files.get('/workspace/repo/README.md')?.text).toBe('readme\n');
      expect(files.get('/workspace/guides/one.md')?.text).toBe(odd);
      expect(files.get('/workspace/commit/README.md')?.text).toBe('readme\n');
      expect(files.get('/workspace/guarded/secret.md')?.text).toBe('for those who may\n');
      expect(files.get('/workspace/ssh/over-ssh.md')?.text).toBe('by ssh\n');
      expect(files.get('/workspace/task.md')?.text).toBe('read');
    });

    test('Git at the root of the workspace leaves room for the task', async () => {
      const context = { type: 'Git', mountPath: '/workspace', git: { repository: git.url } };
      const task = world.task('git-root', { agentRef: { name: 'teller' }, description: 'here', contexts: [context] });
      expect(await world.run(task)).toMatchObject({ phase: 'Completed' });
      const files = filesIn(await world.log(task));
      expect(files.get('/workspace/README.md')?.text).toBe('readme\n');
      expect(files.get('/workspace/task.md')?.text).toBe('here');
    });

    test('URL, with and without a token', async () => {
      const task = world.task('url', {
        agentRef: { name: 'teller' },
        description: 'read',
        contexts: [
          { type: 'URL', mountPath: 'open.md', url: { source: `${pages}/open` } },
          {
            type: 'URL',
            mountPath: '/workspace/web/closed.md',
            fileMode: 0o755,
            url: {
              source: `${pages}/closed`,
              secretRef: { name: 'web-token' },
              headers: [{ name: 'X-Team', value: 'red' }],
            },
          },
          { type: 'URL', mountPath: 'absent.md', optional: true, url: { source: `${pages}/closed` } },
        ],
      });
      expect(await world.run(task)).toMatchObject({ phase: 'Completed' });
      const files = filesIn(await world.log(task));
      expect(files.get('/workspace/open.md')?.text).toBe(odd);
      expect(files.get('/workspace/web/closed.md')).toEqual({ mode: '755', text: odd });
      expect(files.has('/workspace/absent.md')).toBe(false);
    });

    test('credentials in all four forms', async () => {
      const look =
        'echo "ALL $ANTHROPIC_API_KEY $OTHER ONE $TOKEN"; cat /tmp/keys/id /tmp/all/OTHER; stat -L -c %a /tmp/keys/id';
      const secretRef = { name: 'api-credentials' };
      await world.api.apply(
        world.agent('credentials', {
          command: ['sh', '-c', look],
          podSpec: {
            podSecurityContext: {
              runAsUser: 1000,
              runAsNonRoot: true,
              fsGroup: 1000,
              seccompProfile: { type: 'RuntimeDefault' },
            },
          },
          credentials: [
            { name: 'all', secretRef },
            { name: 'one', secretRef: { ...secretRef, key: 'OTHER' }, env: 'TOKEN' },
            {
              name: 'file',
              secretRef: { ...secretRef, key: 'ANTHROPIC_API_KEY' },
              mountPath: '/tmp/keys/id',
              fileMode: 0o440,
            },
            { name: 'folder', secretRef, mountPath: '/tmp/all' },
          ],
        }),
      );
      const task = world.task('credentials', { agentRef: { name: 'credentials' } });
      expect(await world.run(task)).toMatchObject({ phase: 'Completed' });
      expect(await world.log(task)).toBe('ALL k1 o1 ONE o1\nk1o1440\n');
    });
  });
}
