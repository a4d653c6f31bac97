/** git-init against real servers: Git over HTTP, HTTPS and SSH. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { gitInit as gitInitHere } from '../../src/init/git/git-init.ts';
import { until } from '../cluster/processes.ts';
import { authorization, login, startForge, startRedirect } from './forge.ts';
import { git, makeRepository, type Repository } from './repository.ts';
import { runInit, startInit, type Ended, type Environment } from './run-init.ts';
import { canSsh, makeKey, startSshServer, type SshServer } from './ssh-server.ts';
import { makeTls, startWebServer, type WebServer } from './web-server.ts';

let folder: string;
let open: WebServer;
let closed: WebServer;
let repository: Repository;
/** Last commit of the submodule. */
let part: string;
/** Of one test: GIT_ROOT, and where git-init may keep private files. */
let root: string;
let temporary: string;

const target = (...path: readonly string[]): string => join(root, 'repo', ...path);
const read = (...path: readonly string[]): string => readFileSync(target(...path), 'utf8');
const commits = (): number => Number(git(target(), 'rev-list', '--count', 'HEAD'));

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'countersign-git-init-'));
  part = makeRepository(folder, 'part').last;
  open = await startForge(folder);
  closed = await startForge(folder, { isClosed: true });
  repository = makeRepository(folder, 'whole', { url: `${open.origin}/part.git`, commit: part });
});
afterAll(async () => {
  await Promise.all([open.close(), closed.close()]);
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(() => {
  root = join(mkdtempSync(join(folder, 'root-')), 'git');
  temporary = mkdtempSync(join(folder, 'tmp-'));
});

function gitInit(env: Environment): Promise<Ended> {
  return runInit('git-init', environment(env));
}

function environment(env: Environment): Environment {
  return { GIT_REPO: `${open.origin}/whole.git`, GIT_ROOT: root, TMPDIR: temporary, GIT_CLONE_DELAY: '10ms', ...env };
}

describe('git-init', () => {
  test('clones the last commit of the default branch unless told otherwise', async () => {
    const { code, out } = await gitInit({});
    expect({ code, out }).toEqual({ code: 0, out: expect.stringContaining(`  Commit: ${repository.last}\n`) });
    expect(out).toContain('git-init: Clone successful!\n');
    expect(out).toContain('  Branch: main\n');
    expect(read('README.md')).toBe('last\n');
    expect(commits()).toBe(1);
    expect(git(target(), 'remote', 'get-url', 'origin')).toBe(`${open.origin}/whole.git`);
  });

  test.each<[what: string, env: (repository: Repository) => Environment, commit: keyof Repository, count: number]>([
    ['a branch', () => ({ GIT_REF: 'feature' }), 'feature', 1],
    ['a tag', () => ({ GIT_REF: 'v1' }), 'first', 1],
    ['a branch with all that came before', () => ({ GIT_REF: 'feature', GIT_DEPTH: '0' }), 'feature', 2],
    ['two commits', () => ({ GIT_DEPTH: '2' }), 'last', 2],
    ['everything', () => ({ GIT_DEPTH: '0' }), 'last', 3],
    ['a commit that no branch ends with', ({ second }) => ({ GIT_REF: second }), 'second', 1],
    ['a commit in capital letters', ({ last }) => ({ GIT_REF: last.toUpperCase() }), 'last', 1],
    ['a commit with all that came before', ({ feature }) => ({ GIT_REF: feature, GIT_DEPTH: '0' }), 'feature', 2],
    ['the first letters of a commit', ({ second }) => ({ GIT_REF: second.slice(0, 8) }), 'second', 2],
    ['a ref by its full name', () => ({ GIT_REF: 'refs/pull/7/head' }), 'feature', 1],
    ['another name for the folder', () => ({ GIT_LINK: 'repo' }), 'last', 1],
  ])('clones %s', async (_, env, commit, count) => {
    const { code, out } = await gitInit(env(repository));
    expect({ code, out }).toEqual({ code: 0, out: expect.stringContaining(`  Commit: ${repository[commit]}\n`) });
    expect(git(target(), 'status', '--porcelain')).toBe('');
    expect(commits()).toBe(count);
  });

  test('has all branches with depth 0', async () => {
    expect((await gitInit({ GIT_DEPTH: '0' })).code).toBe(0);
    expect(git(target(), 'branch', '--remotes', '--list', 'origin/feature')).toContain('origin/feature');
  });

  test('fetches everything for a commit that a server does not give away by its name', async () => {
    const old = await startForge(folder, { protocol: 0 });
    onTestFinished(() => old.close());
    const { code, out } = await gitInit({ GIT_REPO: `${old.origin}/whole.git`, GIT_REF: repository.second });
    expect({ code, out }).toEqual({ code: 0, out: expect.stringContaining(`  Commit: ${repository.second}\n`) });
    expect(out).toContain('git: error: Server does not allow request for unadvertised object');
  });

  test('leaves files and folders that any user may change, and a configuration that trusts the clone', async () => {
    expect((await gitInit({})).code).toBe(0);
    for (const path of ['', '.git', '.git/objects', 'docs']) expect(statSync(target(path)).mode & 0o777).toBe(0o777);
    for (const path of ['README.md', '.git/HEAD', '.git/config'])
      expect(statSync(target(path)).mode & 0o666).toBe(0o666);
    expect(statSync(target('run.sh')).mode & 0o777).toBe(0o777);
    expect(readFileSync(join(root, '.gitconfig'), 'utf8')).toBe(
      `[safe]\n\tdirectory = "${target()}"\n\tdirectory = *\n`,
    );
  });

  test('has no hooks, and nothing left over', async () => {
    expect((await gitInit({})).code).toBe(0);
    expect(existsSync(target('.git/hooks'))).toBe(false);
    expect(readdirSync(root).toSorted()).toEqual(['.gitconfig', 'repo']);
    expect(readdirSync(temporary)).toEqual([]);
  });

  test('leaves a clone alone that is there when the container is started again', async () => {
    expect((await gitInit({})).code).toBe(0);
    writeFileSync(target('README.md'), 'changed by the agent\n');
    const { code, out } = await gitInit({});
    expect({ code, out }).toEqual({ code: 0, out: expect.stringContaining('already exists') });
    expect(out).toContain(`  Commit: ${repository.last}\n`);
    expect(read('README.md')).toBe('changed by the agent\n');
  });

  test('begins anew after an end in the middle of a clone', async () => {
    mkdirSync(join(root, '.git-init-clone', '.git'), { recursive: true });
    mkdirSync(target(), { recursive: true });
    expect((await gitInit({})).code).toBe(0);
    expect(read('README.md')).toBe('last\n');
  });

  test('does not write into a folder that holds something else', async () => {
    mkdirSync(target(), { recursive: true });
    writeFileSync(target('mine'), '');
    const { code, out } = await gitInit({});
    expect({ code, out }).toEqual({ code: 1, out: expect.stringContaining('holds something else already') });
    expect(readdirSync(target())).toEqual(['mine']);
  });

  test('tries again until the server is there', async () => {
    let refusals = 2;
    const shaky = await startWebServer((request, response) => {
      if (refusals > 0) {
        refusals -= 1;
        response.writeHead(503).end();
      } else {
        response.writeHead(302, { location: `${open.origin}${request.url ?? ''}` }).end();
      }
    });
    onTestFinished(() => shaky.close());
    const { code, out } = await gitInit({ GIT_REPO: `${shaky.origin}/whole.git` });
    expect(code).toBe(0);
    expect(out).toContain('git-init: Retry attempt 3/3 (waiting 0.01s)...\n');
  });

  test.each<[what: string, env: Environment, attempts: number]>([
    ['as often as told', { GIT_REPO: 'http://127.0.0.1:1/whole.git', GIT_CLONE_RETRIES: '2' }, 2],
    ['once', { GIT_REPO: 'http://127.0.0.1:1/whole.git', GIT_CLONE_RETRIES: '1' }, 1],
    ['three times by itself', { GIT_REPO: 'http://127.0.0.1:1/whole.git' }, 3],
    ['once where there is no such branch', { GIT_REF: 'nowhere' }, 1],
    ['once where there is no such commit', { GIT_REF: '0123456789012345678901234567890123456789' }, 1],
    ['once where no commit begins so', { GIT_REF: '0123456' }, 1],
  ])('gives up: %s', async (_, env, attempts) => {
    const { code, out } = await gitInit(env);
    expect(code).toBe(1);
    expect(out.match(/Clone attempt/g)?.length ?? 0).toBe(attempts - 1);
    expect(out).toMatch(/git-init: Error: git clone of http:\/\/127\.0\.0\.1:\d+\/whole\.git failed.*\n$/);
    expect(existsSync(target())).toBe(false);
    expect(readdirSync(temporary)).toEqual([]);
  });

  test('says of a failure that is optional what went wrong, and lets the Task go on', async () => {
    const { code, out } = await gitInit({ GIT_REF: 'nowhere', GIT_OPTIONAL: 'true' });
    expect({ code, out }).toEqual({
      code: 0,
      out: expect.stringMatching(/git-init: Warning: .* it has no branch or tag nowhere\. GIT_OPTIONAL is set/),
    });
    // A mount of it must be a file.
    expect(statSync(join(root, '.gitconfig')).isFile()).toBe(true);
  });

  test('takes submodules only when asked', async () => {
    expect((await gitInit({})).code).toBe(0);
    expect(readdirSync(target('part'))).toEqual([]);
  });

  test('takes submodules when asked, each with a place that may be moved', async () => {
    const { code, out } = await gitInit({ GIT_RECURSE_SUBMODULES: 'true' });
    expect({ code, out }).toEqual({ code: 0, out: expect.stringContaining('Submodules: recursive') });
    expect(read('part', 'README.md')).toBe('last\n');
    expect(git(target('part'), 'status', '--porcelain')).toBe('');
  });
});

describe('git-init with a name and a password', () => {
  const secret = { GIT_USERNAME: login.username, GIT_PASSWORD: login.password };

  test('is let in', async () => {
    const { code, out } = await gitInit({ GIT_REPO: `${closed.origin}/whole.git`, ...secret });
    expect({ code, out }).toEqual({ code: 0, out: expect.stringContaining(repository.last) });
    expect(readdirSync(temporary)).toEqual([]);
    expect(everythingIn(target('.git'))).not.toContain(login.password);
  });

  test('takes a password that ends with a newline, as `echo` makes them', async () => {
    const { code } = await gitInit({
      GIT_REPO: `${closed.origin}/whole.git`,
      ...secret,
      GIT_PASSWORD: `${login.password}\n`,
    });
    expect(code).toBe(0);
  });

  test.each<[what: string, env: Environment]>([
    ['no credentials', {}],
    ['the wrong password', { ...secret, GIT_PASSWORD: 'wrong-password' }],
    ['no password', { GIT_USERNAME: login.username }],
    ['no name', { GIT_PASSWORD: login.password }],
  ])('is not let in with %s, and asks nobody', async (_, env) => {
    const { code, out } = await gitInit({ GIT_REPO: `${closed.origin}/whole.git`, GIT_CLONE_RETRIES: '1', ...env });
    expect({ code, out }).toEqual({ code: 1, out: expect.stringContaining('it cannot be cloned') });
    expect(out).not.toMatch(/wrong-password|p@ss/);
  });

  test('sends nothing to another host that it is redirected to', async () => {
    const stranger = await startForge(folder);
    const front = await startRedirect(stranger.origin);
    onTestFinished(() => Promise.all([stranger.close(), front.close()]).then(() => undefined));
    expect((await gitInit({ GIT_REPO: `${front.origin}/whole.git`, ...secret })).code).toBe(0);
    expect(stranger.requests.length).toBeGreaterThan(0);
    expect(stranger.requests.map(({ headers }) => headers.authorization)).toEqual(
      stranger.requests.map(() => undefined),
    );
  });

  test('sends nothing to another host that asks for them after a redirect', async () => {
    const front = await startRedirect(closed.origin);
    onTestFinished(() => front.close());
    const before = closed.requests.length;
    const { code } = await gitInit({ GIT_REPO: `${front.origin}/whole.git`, GIT_CLONE_RETRIES: '1', ...secret });
    expect(code).toBe(1);
    const sent = closed.requests.slice(before).map(({ headers }) => headers.authorization);
    expect(sent.length).toBeGreaterThan(0);
    expect(sent).not.toContain(authorization);
  });

  test('sends nothing to the host of a submodule', async () => {
    const stranger = await startForge(folder, { isClosed: true });
    onTestFinished(() => stranger.close());
    makeRepository(folder, 'with-stranger', { url: `${stranger.origin}/part.git`, commit: part });
    const { code, out } = await gitInit({
      GIT_REPO: `${closed.origin}/with-stranger.git`,
      GIT_RECURSE_SUBMODULES: 'true',
      GIT_CLONE_RETRIES: '1',
      ...secret,
    });
    expect({ code, out }).toEqual({ code: 1, out: expect.stringContaining('its submodules cannot be fetched') });
    expect(stranger.requests.length).toBeGreaterThan(0);
    expect(stranger.requests.map(({ headers }) => headers.authorization)).not.toContain(authorization);
  });

  test('hides them in what a server and git say', async () => {
    const chatty = await startWebServer((_, response) => {
      response.writeHead(500, { 'content-type': 'text/plain' }).end(`no: ${login.password} ${authorization}\n`);
    });
    onTestFinished(() => chatty.close());
    const { code, out } = await gitInit({ GIT_REPO: `${chatty.origin}/whole.git`, GIT_CLONE_RETRIES: '1', ...secret });
    expect(code).toBe(1);
    expect(out).not.toContain(login.password);
    expect(out).not.toContain(authorization.slice('Basic '.length));
  });
});

describe('git-init over https', () => {
  test('trusts an authority of one’s own when it is named, and only then', async () => {
    const tls = await makeTls();
    const forge = await startForge(folder, { tls });
    onTestFinished(() => forge.close());
    const ca = join(temporary, 'ca.pem');
    writeFileSync(ca, tls.ca);
    const env = { GIT_REPO: `${forge.origin}/whole.git`, GIT_CLONE_RETRIES: '1' };
    expect((await gitInit(env)).code).toBe(1);
    const { code, out } = await gitInit({ ...env, CUSTOM_CA_CERT_PATH: ca });
    expect({ code, out }).toEqual({ code: 0, out: expect.stringContaining(repository.last) });
    expect(out).not.toContain('WARNING');
  });

  test('does not follow a redirect to http', async () => {
    const tls = await makeTls();
    const front = await startRedirect(open.origin, tls);
    onTestFinished(() => front.close());
    const ca = join(temporary, 'ca.pem');
    writeFileSync(ca, tls.ca);
    const before = open.requests.length;
    const env = { GIT_REPO: `${front.origin}/whole.git`, GIT_CLONE_RETRIES: '1', CUSTOM_CA_CERT_PATH: ca };
    expect((await gitInit(env)).code).toBe(1);
    expect(open.requests.length).toBe(before);
  });
});

describe.runIf(canSsh)('git-init over ssh', () => {
  let server: SshServer;
  const whole = (): string => `${server.origin}${join(folder, 'whole.git')}`;

  beforeAll(async () => {
    server = await startSshServer();
  });
  afterAll(() => server.close());

  test('clones with a key from a host that is known', async () => {
    const { code, out } = await gitInit({
      GIT_REPO: whole(),
      GIT_SSH_KEY: server.key,
      GIT_SSH_KNOWN_HOSTS: server.knownHosts,
    });
    expect({ code, out }).toEqual({ code: 0, out: expect.stringContaining(repository.last) });
    expect(out).not.toContain('WARNING');
    expect(readdirSync(temporary)).toEqual([]);
    expect(everythingIn(target('.git'))).not.toContain('PRIVATE KEY');
  });

  test('takes the key from a file as well, and a commit', async () => {
    const file = join(temporary, 'key');
    writeFileSync(file, server.key);
    const env = { GIT_REPO: whole(), GIT_SSH_KEY: file, GIT_SSH_KNOWN_HOSTS: server.knownHosts };
    const { code, out } = await gitInit({ ...env, GIT_REF: repository.first });
    expect({ code, out }).toEqual({ code: 0, out: expect.stringContaining(repository.first) });
  });

  test('goes on without known hosts, and says what that means', async () => {
    const { code, out } = await gitInit({ GIT_REPO: whole(), GIT_SSH_KEY: server.key });
    expect({ code, out }).toEqual({ code: 0, out: expect.stringContaining('WARNING: the host key is not verified') });
  });

  test.each<[what: string, env: (server: SshServer) => Environment]>([
    ['no key', ({ knownHosts }) => ({ GIT_SSH_KNOWN_HOSTS: knownHosts })],
    [
      'a key that the server does not take',
      ({ knownHosts }) => ({ GIT_SSH_KEY: strange().privateKey, GIT_SSH_KNOWN_HOSTS: knownHosts }),
    ],
    ['what is no key', ({ knownHosts }) => ({ GIT_SSH_KEY: 'no key', GIT_SSH_KNOWN_HOSTS: knownHosts })],
    [
      'another key of the host',
      ({ key, knownHosts }) => ({ GIT_SSH_KEY: key, GIT_SSH_KNOWN_HOSTS: otherHostKey(knownHosts) }),
    ],
    [
      'known hosts without this one',
      ({ key }) => ({ GIT_SSH_KEY: key, GIT_SSH_KNOWN_HOSTS: `example.org ${strange().publicKey}` }),
    ],
  ])('is not let in with %s', async (_, env) => {
    const { code, out } = await gitInit({ GIT_REPO: whole(), GIT_CLONE_RETRIES: '1', ...env(server) });
    expect({ code, out }).toEqual({ code: 1, out: expect.stringContaining('it cannot be cloned') });
    expect(out).not.toContain('PRIVATE KEY');
    expect(readdirSync(temporary).filter((name) => name.startsWith('.git-init'))).toEqual([]);
  });

  const strange = (): ReturnType<typeof makeKey> => makeKey(mkdtempSync(join(folder, 'key-')), 'key');
  const otherHostKey = (knownHosts: string): string => `${knownHosts.split(' ')[0] ?? ''} ${strange().publicKey}`;
});

describe('git-init refuses before it asks anybody', () => {
  test.each<[env: Environment, reason: RegExp]>([
    [{ GIT_REPO: '' }, /GIT_REPO environment variable is required/],
    [{ GIT_REPO: 'file:///etc' }, /no address that can be cloned from/],
    [{ GIT_REPO: '/etc' }, /no address that can be cloned from/],
    [{ GIT_REPO: 'ext::sh -c "touch /tmp/pwned"' }, /no address that can be cloned from/],
    [{ GIT_REPO: 'git://127.0.0.1/x' }, /no address that can be cloned from/],
    [{ GIT_REPO: '--upload-pack=touch /tmp/pwned' }, /no address that can be cloned from/],
    [{ GIT_REPO: 'ssh://-oProxyCommand=id/x' }, /no address that can be cloned from/],
    [{ GIT_REPO: 'git@-oProxyCommand=id:x' }, /no address that can be cloned from/],
    [{ GIT_REPO: 'https://me:secret-1234@example.org/x' }, /credentials in it/],
    [{ GIT_REF: '--upload-pack=touch' }, /git\.ref/],
    [{ GIT_REF: '-x' }, /git\.ref/],
    [{ GIT_REF: 'a b' }, /git\.ref/],
    [{ GIT_REF: 'a..b' }, /git\.ref/],
    [{ GIT_DEPTH: '-1' }, /GIT_DEPTH is "-1"/],
    [{ GIT_DEPTH: 'all' }, /GIT_DEPTH is "all"/],
    [{ GIT_REPO_SUBPATH: '../x' }, /git\.path/],
    [{ GIT_REPO_SUBPATH: '/../etc' }, /git\.path/],
    [{ GIT_LINK: '../x' }, /GIT_LINK/],
    [{ GIT_LINK: '-x' }, /GIT_LINK/],
    [{ GIT_ROOT: 'git' }, /no absolute path/],
    [{ GIT_ROOT: '/git/../etc' }, /a part "\.\."/],
    [{ GIT_WORKSPACE_DIR: 'workspace' }, /no absolute path/],
    [{ GIT_CLONE_RETRIES: '0' }, /GIT_CLONE_RETRIES/],
    [{ GIT_CLONE_RETRY_DELAY: 'soon' }, /GIT_CLONE_RETRY_DELAY/],
    [{ GIT_SSH_KEY: '/nowhere/key' }, /GIT_SSH_KEY names a file that is not there/],
    [{ CUSTOM_CA_CERT_PATH: '/nowhere/ca' }, /there is no file/],
  ])('%j', async (env, reason) => {
    const before = open.requests.length;
    const said: string[] = [];
    const around = { env: environment(env), say: (line: string) => void said.push(line), mountPoints: () => [] };
    const result = await gitInitHere({ ...around, signal: new AbortController().signal });
    expect(result).toEqual({ ok: false, failure: expect.stringMatching(reason) });
    expect(JSON.stringify([said, result])).not.toContain('secret-1234');
    expect(open.requests.length).toBe(before);
    expect(existsSync('/tmp/pwned')).toBe(false);
    expect(existsSync(target())).toBe(false);
  });

  test.each(['file:///etc', 'ext::sh -c "touch /tmp/pwned"', '../part.git/../../../../etc'])(
    'a submodule at %s',
    async (url) => {
      const name = `with-${Buffer.from(url).toString('hex')}`;
      makeRepository(folder, name, { url, commit: part });
      const env = { GIT_REPO: `${open.origin}/${name}.git`, GIT_RECURSE_SUBMODULES: 'true', GIT_CLONE_RETRIES: '1' };
      const { code } = await gitInit(env);
      expect(code).toBe(1);
      expect(existsSync('/tmp/pwned')).toBe(false);
      expect(existsSync(target())).toBe(false);
    },
  );

  test('what its own environment would have git do', async () => {
    const env = {
      GIT_SSH_COMMAND: 'touch /tmp/pwned;',
      GIT_EXEC_PATH: '/nowhere',
      GIT_TEMPLATE_DIR: '/etc',
      GIT_DIR: '/nowhere',
      GIT_CONFIG_COUNT: '1',
      GIT_CONFIG_KEY_0: 'core.hooksPath',
      GIT_CONFIG_VALUE_0: '/etc',
    };
    expect((await gitInit(env)).code).toBe(0);
    expect(existsSync('/tmp/pwned')).toBe(false);
  });
});

describe('git-init, the end of it', () => {
  test('comes after the deadline when a server says nothing', async () => {
    const silent = await startWebServer(() => undefined);
    onTestFinished(() => silent.close());
    const { code, out } = await gitInit({ GIT_REPO: `${silent.origin}/whole.git`, GIT_CLONE_TIMEOUT: '1s' });
    expect({ code, out }).toEqual({
      code: 1,
      out: expect.stringContaining('it took longer than 1 s (GIT_CLONE_TIMEOUT)'),
    });
    expect(readdirSync(temporary)).toEqual([]);
  });

  test('comes at once when the container is told to stop, and git ends with it', async () => {
    const silent = await startWebServer(() => undefined);
    onTestFinished(() => silent.close());
    const { child, ended } = startInit(
      'git-init',
      environment({ GIT_REPO: `${silent.origin}/whole.git`, GIT_OPTIONAL: 'true' }),
    );
    expect(await until(() => Promise.resolve(silent.requests.length > 0), 10_000)).toBe(true);
    child.kill('SIGTERM');
    const { code, out } = await ended;
    expect({ code, out }).toEqual({ code: 1, out: expect.stringContaining('git-init: Error: it was stopped\n') });
    expect(readdirSync(temporary)).toEqual([]);
  });
});

function everythingIn(place: string): string {
  const files = readdirSync(place, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return files.map((entry) => readFileSync(join(entry.parentPath, entry.name), 'latin1')).join('\n');
}
