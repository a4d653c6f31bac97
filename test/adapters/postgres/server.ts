/** A PostgreSQL server of its own for a suite: loopback only, a folder of its own, gone afterwards. */
import { execFile, spawn } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import pg from 'pg';

const run = promisify(execFile);
const folders = ['/usr/lib/postgresql/15/bin', '/usr/lib/postgresql/16/bin', '/usr/lib/postgresql/17/bin'];
const programs = folders.find((folder) => existsSync(join(folder, 'initdb')));

/** Suites skip without it, loudly; where CI is set it has to be there. */
export function hasPostgres(): boolean {
  if (programs !== undefined) return true;
  const message = `PostgreSQL is not installed (looked in ${folders.join(', ')}): its suites do not run`;
  if (process.env['CI'] !== undefined) throw new Error(message);
  process.stderr.write(`\n!!! ${message}\n`);
  return false;
}

export interface PostgresServer {
  readonly url: string;
  /** An empty database of its own; `options` as CREATE DATABASE takes them. */
  createDatabase(name: string, options?: string): Promise<string>;
  /** Takes all tables away. */
  empty(): Promise<void>;
  /** As if the machine had stopped. */
  kill(): Promise<void>;
  start(): Promise<void>;
  remove(): Promise<void>;
}

export async function startPostgres(): Promise<PostgresServer> {
  const folder = mkdtempSync(join(tmpdir(), 'postgres-'));
  const data = join(folder, 'data');
  // It refuses to be the administrator's.
  if (process.getuid?.() === 0) {
    const [uid = 0, gid = 0] = await Promise.all(
      ['-u', '-g'].map(async (flag) => Number(await out('id', [flag, 'postgres']))),
    );
    chownSync(folder, uid, gid);
  }
  const port = await freePort();
  await asPostgres('initdb', ['-D', data, '-U', 'test', '--auth=trust', '-E', 'UTF8', '--locale=C', '--no-sync']);
  // Everybody is trusted but the role "locked", which needs its password.
  const rules = join(data, 'pg_hba.conf');
  writeFileSync(rules, `host all locked 127.0.0.1/32 scram-sha-256\n${readFileSync(rules, 'utf8')}`);
  const options = `-c listen_addresses=127.0.0.1 -p ${port} -k ${folder}`;
  const url = (database: string): string => `postgres://test@127.0.0.1:${port}/${database}`;

  const startArgs = ['-D', data, '-w', '-t', '30', '-l', join(folder, 'log'), '-o', options, 'start'];
  async function start(): Promise<void> {
    // The children of one that was killed hold its memory until they notice.
    for (let tries = 0; tries < 20; tries += 1) {
      if ((await codeOf('pg_ctl', startArgs)) === 0) return;
      await sleep(300);
    }
    throw new Error(`PostgreSQL does not start:\n${readFileSync(join(folder, 'log'), 'utf8').slice(-2_000)}`);
  }

  async function stop(signal: 'SIGKILL' | 'SIGINT'): Promise<void> {
    const pid = Number(readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n')[0]);
    // Its children notice that it is gone and end; those of a killed one at once as well.
    const children = (await out('ps', ['-o', 'pid=', '--ppid', String(pid)]).catch(() => '')).split('\n').map(Number);
    process.kill(pid, signal);
    if (signal === 'SIGKILL') for (const child of children) if (child > 1) tryKill(child);
    for (let tries = 0; isAlive(pid) && tries < 300; tries += 1) await sleep(50);
    for (const child of children)
      for (let tries = 0; child > 1 && isAlive(child) && tries < 100; tries += 1) await sleep(50);
  }

  await start();
  return {
    url: url('postgres'),
    start,
    empty: async () => {
      const client = new pg.Client({ connectionString: url('postgres') });
      await client.connect();
      await client.query('DROP SCHEMA public CASCADE');
      await client.query('CREATE SCHEMA public');
      await client.end();
    },
    kill: () => stop('SIGKILL'),
    createDatabase: async (name, more = '') => {
      await asPostgres('psql', ['-q', '-c', `CREATE DATABASE ${name} ${more}`, url('postgres')]);
      return url(name);
    },
    remove: async () => {
      if (existsSync(join(data, 'postmaster.pid'))) await stop('SIGINT');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function asPostgres(program: string, args: readonly string[]): Promise<void> {
  const code = await codeOf(program, args);
  if (code !== 0) throw new Error(`${program} ended with ${String(code)}`);
}

async function codeOf(program: string, args: readonly string[]): Promise<unknown> {
  const path = join(programs ?? '', program);
  const [file, all] =
    process.getuid?.() === 0 ? ['runuser', ['-u', 'postgres', '--', path, ...args]] : [path, [...args]];
  // Output to a pipe would wait for the server that inherits it.
  const child = spawn(file, all, { stdio: 'ignore', cwd: '/' });
  return new Promise((resolve, reject) => child.once('exit', resolve).once('error', reject));
}

async function out(program: string, args: readonly string[]): Promise<string> {
  return (await run(program, [...args])).stdout.trim();
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // A child of nobody that has ended is not alive.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

function tryKill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended already.
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  // Listening on TCP, so the address is not a path.
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
