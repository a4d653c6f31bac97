/** The image of init containers, run as a Pod under the restricted Pod Security Standard would have it. */
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { startRegistry } from '../../src/demo/registry/serve.ts';
import { login, startForge } from '../init/forge.ts';
import { makeRepository, type Repository } from '../init/repository.ts';
import { canSsh, startSshServer } from '../init/ssh-server.ts';
import { startWebServer } from '../init/web-server.ts';
import { canRun } from './access.ts';
import { buildImage, buildSystemImage } from './build-image.ts';
import { runContainer, type ContainerSetting, type Ended } from './container.ts';
import { pushTo, readLayout, unpack, type Layout } from './layout.ts';

type Setting = Pick<ContainerSetting, 'args' | 'mounts' | 'env'>;

describe.runIf(canRun)('the system image, run', () => {
  let folder: string;
  let image: Layout;
  let repository: Repository;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'countersign-system-run-'));
    // A server of git that runs as somebody else reads it.
    chmodSync(folder, 0o755);
    image = readLayout((await buildSystemImage()).layout);
    await unpack(image, join(folder, 'rootfs'));
    const part = makeRepository(folder, 'part').last;
    repository = makeRepository(folder, 'whole', { url: '../part.git', commit: part });
  }, 300_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** As kubelet does: an empty folder that everybody may write to. */
  function emptyDir(name: string): string {
    const volume = mkdtempSync(join(folder, `${name}-`));
    chmodSync(volume, 0o777);
    return volume;
  }

  function start(setting: Setting): Promise<Ended> {
    const container = runContainer({ folder, image: image.config, entrypoint: ['/kubeopencode'], ...setting });
    onTestFinished(() => container.remove());
    return container.ended;
  }

  test('is that of a user who is not root, and starts the commands', () => {
    expect(image.config.config).toMatchObject({ User: '65532:65532', Entrypoint: ['/kubeopencode'] });
    expect(statSync(join(folder, 'rootfs', 'kubeopencode')).mode & 0o777).toBe(0o755);
  });

  test('can be put into a registry as it was built', async () => {
    const registry = await startRegistry();
    onTestFinished(() => registry.close());
    expect(pushTo(registry, 'acme/system', image, 'v1')).toBe(image.digest);
    const { status } = await fetch(`${registry.url}/v2/acme/system/manifests/v1`);
    expect(status).toBe(200);
  });

  test.each([[[]], [['serve']], [['constructor']]])('has no other command: %j', async (args) => {
    const { code, err } = await start({ args });
    expect({ code, err }).toEqual({ code: 2, err: 'usage: kubeopencode git-init | context-init | url-fetch\n' });
  });

  test('clones over HTTP with a password, with submodules, into a volume', async () => {
    const forge = await startForge(folder, { isClosed: true });
    onTestFinished(() => forge.close());
    const volume = emptyDir('git');
    const env = {
      GIT_REPO: `${forge.origin}/whole.git`,
      GIT_REF: repository.last,
      GIT_RECURSE_SUBMODULES: 'true',
      GIT_USERNAME: login.username,
      GIT_PASSWORD: login.password,
      GIT_CLONE_RETRIES: '1',
    };
    const { code, out } = await start({
      args: ['git-init'],
      env,
      mounts: [{ from: volume, to: '/git', writable: true }],
    });
    expect({ code, out }).toEqual({ code: 0, out: expect.stringContaining(`  Commit: ${repository.last}\n`) });
    expect(readFileSync(join(volume, 'repo/README.md'), 'utf8')).toBe('last\n');
    expect(readFileSync(join(volume, 'repo/part/README.md'), 'utf8')).toBe('last\n');
    expect(statSync(join(volume, 'repo/docs')).mode & 0o777).toBe(0o777);
  });

  test.runIf(canSsh)('clones over SSH from a host that is known', async () => {
    const server = await startSshServer();
    onTestFinished(() => server.close());
    const volume = emptyDir('git');
    const env = {
      GIT_REPO: `${server.origin}${join(folder, 'whole.git')}`,
      GIT_SSH_KEY: server.key,
      GIT_SSH_KNOWN_HOSTS: server.knownHosts,
      GIT_CLONE_RETRIES: '1',
    };
    const { code, out } = await start({
      args: ['git-init'],
      env,
      mounts: [{ from: volume, to: '/git', writable: true }],
    });
    expect({ code, out }).toEqual({ code: 0, out: expect.stringContaining(`  Commit: ${repository.last}\n`) });
  });

  test('copies keys of ConfigMaps, and nothing to where no volume is', async () => {
    const [workspace, tools] = [emptyDir('workspace'), emptyDir('tools')];
    const mounts = [
      { from: configMap({ 'workspace-task.md': 'Do it.\n', 'tools-opencode.json': '{}' }), to: '/configmap-files' },
      { from: configMap({ 'a.md': 'a\n', 'b.md': 'b\n' }), to: '/configmap-dir-0' },
      { from: workspace, to: '/workspace', writable: true },
      { from: tools, to: '/tools', writable: true },
    ];
    const files = [
      { key: 'workspace-task.md', targetPath: '/workspace/task.md' },
      { key: 'tools-opencode.json', targetPath: '/tools/opencode.json', fileMode: 0o400 },
    ];
    const folders = [{ sourcePath: '/configmap-dir-0', targetPath: '/workspace/guides/all' }];
    const env = { FILE_MAPPINGS: JSON.stringify(files), DIR_MAPPINGS: JSON.stringify(folders) };
    const { code, out } = await start({ args: ['context-init'], env, mounts });
    expect({ code, out }).toEqual({ code: 0, out: expect.stringContaining('context-init: Done!\n') });
    expect(readFileSync(join(workspace, 'task.md'), 'utf8')).toBe('Do it.\n');
    expect(readFileSync(join(workspace, 'guides/all/b.md'), 'utf8')).toBe('b\n');
    expect(statSync(join(tools, 'opencode.json')).mode & 0o777).toBe(0o400);

    const elsewhere = [{ key: 'workspace-task.md', targetPath: '/app/src/main.ts' }];
    const refused = await start({ args: ['context-init'], env: { FILE_MAPPINGS: JSON.stringify(elsewhere) }, mounts });
    expect(refused).toMatchObject({ code: 1, out: expect.stringContaining('/app/src/main.ts is in no volume') });
  });

  test('downloads from an address that is allowed, and from no other that is this machine', async () => {
    const server = await startWebServer((_, response) => response.end('content\n'));
    onTestFinished(() => server.close());
    const hosts = join(folder, 'hosts');
    writeFileSync(hosts, '127.0.0.1 inside.example.org\n');
    const workspace = emptyDir('workspace');
    const mounts = [
      { from: workspace, to: '/workspace', writable: true },
      { from: hosts, to: '/etc/hosts' },
    ];
    const env = { URL_SOURCE: `http://inside.example.org:${server.port}/x`, URL_TARGET: '/workspace/in/it.txt' };
    const refused = await start({ args: ['url-fetch'], env, mounts });
    expect(refused).toMatchObject({
      code: 1,
      out: expect.stringMatching(/inside\.example\.org: the address 127\.0\.0\.1/),
    });
    expect(server.requests).toEqual([]);
    const { code, out } = await start({ args: ['url-fetch'], env: { ...env, URL_ALLOW: '127.0.0.0/8' }, mounts });
    expect({ code, out }).toEqual({ code: 0, out: expect.stringContaining('Written 8 bytes to /workspace/in/it.txt') });
    expect(readFileSync(join(workspace, 'in/it.txt'), 'utf8')).toBe('content\n');
  });

  /** As kubelet mounts one: keys are links into a folder that it replaces as a whole. */
  function configMap(data: Readonly<Record<string, string>>): string {
    const volume = mkdtempSync(join(folder, 'configmap-'));
    chmodSync(volume, 0o755);
    mkdirSync(join(volume, '..2030'));
    symlinkSync('..2030', join(volume, '..data'));
    for (const [key, content] of Object.entries(data)) {
      writeFileSync(join(volume, '..2030', key), content);
      symlinkSync(`..data/${key}`, join(volume, key));
    }
    return volume;
  }
});

describe.runIf(canRun)("the gate's image", () => {
  let folder: string;
  let image: Layout;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'countersign-gate-init-'));
    image = readLayout((await buildImage()).layout);
    await unpack(image, join(folder, 'rootfs'));
  }, 300_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test.each([
    ['context-init', 0, 'context-init: Done!'],
    ['url-fetch', 1, 'url-fetch: Error: URL_TARGET environment variable is required'],
    ['git-init', 1, 'git-init: Error: this image has no git; name the one that was built with --target system'],
  ])('has %s', async (name, code, line) => {
    const volume = mkdtempSync(join(folder, 'volume-'));
    chmodSync(volume, 0o777);
    const container = runContainer({
      folder,
      image: image.config,
      entrypoint: ['/kubeopencode'],
      args: [name],
      env: { WORKSPACE_DIR: '/tmp', GIT_ROOT: '/tmp/git', GIT_REPO: 'https://example.org/x.git' },
      mounts: [{ from: volume, to: '/tmp', writable: true }],
    });
    onTestFinished(() => container.remove());
    const ended = await container.ended;
    expect(ended).toMatchObject({ code, out: expect.stringContaining(`${line}\n`) });
  });
});
