/** A Git server with one bare repository, over HTTP as a forge has it: `git http-backend` behind a server of this process. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

export interface GitServer {
  /** Without credentials. */
  readonly url: string;
  /** A file on a branch. Throws when there is none. */
  read(branch: string, path: string): string;
  /** Of the last commit of a branch, without the newline at its end. */
  message(branch: string): string;
  /** The last commit of a branch. */
  commit(branch: string): string;
  close(): Promise<void>;
}

export interface GitServerOptions {
  /** The one at which Pods reach this machine, unless given. */
  readonly address?: string;
  /** Everybody may read and push unless given. */
  readonly credentials?: { readonly username: string; readonly password: string };
}

/** `files` are on its default branch, main. */
export async function startGitServer(
  files: Readonly<Record<string, string>>,
  { address, credentials }: GitServerOptions = {},
): Promise<GitServer> {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-git-'));
  const bare = join(folder, 'configs.git');
  makeRepository(folder, bare, files);
  const authorization =
    credentials === undefined
      ? undefined
      : `Basic ${Buffer.from(`${credentials.username}:${credentials.password}`).toString('base64')}`;
  const server = createServer((request, response) => {
    if (authorization === undefined || request.headers.authorization === authorization) {
      void answer(folder, request, response).catch(() => response.destroy());
    } else {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="git"' }).end();
    }
  });
  server.listen(0, address ?? (await addressForPods()));
  await once(server, 'listening');
  // It listens on an address and a port.
  const { address: host, port } = server.address() as AddressInfo;
  const look = (...args: readonly string[]): string => git(bare, args).replace(/\n$/, '');
  return {
    url: `http://${host}:${port}/configs.git`,
    read: (branch, path) => git(bare, ['show', `${branch}:${path}`]),
    message: (branch) => look('log', '-1', '--format=%B', branch).trimEnd(),
    commit: (branch) => look('rev-parse', branch),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export async function addressForPods(): Promise<string> {
  // Only suites of the cluster project can be told of it.
  const { clusterFacts } = await import('../cluster/access.ts');
  return clusterFacts().address ?? '127.0.0.1';
}

function makeRepository(folder: string, bare: string, files: Readonly<Record<string, string>>): void {
  const work = join(folder, 'work');
  mkdirSync(work);
  git(work, ['init', '--quiet', '--initial-branch=main']);
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(work, path)), { recursive: true });
    writeFileSync(join(work, path), content);
  }
  git(work, ['add', '--all']);
  git(work, ['-c', 'user.name=test', '-c', 'user.email=test@test', 'commit', '--quiet', '--message=Begin']);
  git(folder, ['clone', '--quiet', '--bare', work, bare]);
  git(bare, ['config', 'http.receivepack', 'true']);
  rmSync(work, { recursive: true });
}

function git(folder: string, args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync('git', args, { cwd: folder, encoding: 'utf8', timeout: 20_000 });
  if (status !== 0) throw new Error(`git ${args.join(' ')}: ${stderr}`);
  return stdout;
}

/** RFC 3875: the request in the environment and on standard input, the answer with its headers on standard output. */
export async function answer(root: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname, search } = new URL(request.url ?? '/', 'http://git');
  const backend = spawn('git', ['http-backend'], {
    env: {
      PATH: process.env['PATH'],
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: '1',
      REQUEST_METHOD: request.method,
      PATH_INFO: decodeURIComponent(pathname),
      QUERY_STRING: search.slice(1),
      CONTENT_TYPE: request.headers['content-type'] ?? '',
      HTTP_CONTENT_ENCODING: request.headers['content-encoding'] ?? '',
      HTTP_GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''),
      REMOTE_ADDR: request.socket.remoteAddress,
    },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  // It may end before it has read everything.
  backend.stdin.on('error', () => undefined);
  request.pipe(backend.stdin);
  const chunks: Buffer[] = [];
  for await (const chunk of backend.stdout) chunks.push(chunk as Buffer);
  const output = Buffer.concat(chunks);
  const end = output.indexOf('\r\n\r\n');
  const headers = output.subarray(0, end).toString().split('\r\n').map(splitHeader);
  const status = headers.find(([name]) => name === 'status')?.[1] ?? '200';
  response.writeHead(Number.parseInt(status, 10), Object.fromEntries(headers.filter(([name]) => name !== 'status')));
  response.end(output.subarray(end + 4));
}

function splitHeader(line: string): readonly [name: string, value: string] {
  const colon = line.indexOf(':');
  return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
}
