/** A real sshd on loopback with keys of its own, for the user who runs the tests. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { freePorts, until } from '../cluster/processes.ts';
import { onPath } from '../cluster/programs.ts';

export interface SshServer {
  /** ssh://USER@127.0.0.1:PORT, to which the path of a repository is added. */
  readonly origin: string;
  /** A private key that it takes. */
  readonly key: string;
  /** A line of known_hosts with its key. */
  readonly knownHosts: string;
  close(): Promise<void>;
}

const program = onPath('sshd') ?? ['/usr/sbin/sshd'].find((path) => existsSync(path));

/** Whether the suites of ssh can run; what cannot is said in one line, and is a failure when CI is set. */
export const canSsh = isPossible();

function isPossible(): boolean {
  if (program !== undefined && onPath('ssh') !== undefined) return true;
  const obstacle = 'ssh or sshd is missing: apt-get install openssh-client openssh-server';
  if (process.env['CI'] !== undefined) throw new Error(`the ssh suites must run when CI is set: ${obstacle}`);
  process.stderr.write(`init: SKIPPING ALL SSH SUITES: ${obstacle}\n`);
  return false;
}

/** On loopback unless told where Pods reach this machine. */
export async function startSshServer(address = '127.0.0.1'): Promise<SshServer> {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-sshd-'));
  const [port = 0] = await freePorts(1);
  const hostKey = makeKey(folder, 'host');
  const { publicKey, privateKey } = makeKey(folder, 'user');
  writeFileSync(join(folder, 'authorized'), publicKey);
  // Where sshd puts processes that have no rights yet; packages make it when they start a service.
  if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
  const settings = [
    `ListenAddress ${address}`,
    `Port ${port}`,
    `HostKey ${join(folder, 'host')}`,
    `AuthorizedKeysFile ${join(folder, 'authorized')}`,
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    'PermitRootLogin prohibit-password',
    'StrictModes no',
    'UsePAM no',
    'PidFile none',
  ];
  writeFileSync(join(folder, 'sshd_config'), `${settings.join('\n')}\n`);
  const sshd = spawn(program ?? 'sshd', ['-D', '-e', '-f', join(folder, 'sshd_config')], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  sshd.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  const close = async (): Promise<void> => {
    if (sshd.exitCode === null && sshd.kill()) await once(sshd, 'exit');
    rmSync(folder, { recursive: true, force: true });
  };
  if (!(await until(() => answers(address, port), 10_000))) {
    await close();
    throw new Error(`sshd does not start: ${said}`);
  }
  return {
    origin: `ssh://${userInfo().username}@${address}:${port}`,
    key: privateKey,
    knownHosts: `[${address}]:${port} ${hostKey.publicKey}`,
    close,
  };
}

/** A key pair that no server knows, or one for a server. */
export function makeKey(folder: string, name: string): { readonly publicKey: string; readonly privateKey: string } {
  const file = join(folder, name);
  const made = spawnSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'test', '-f', file], {
    encoding: 'utf8',
  });
  if (made.status !== 0) throw new Error(`ssh-keygen: ${made.stderr}`);
  return { publicKey: readFileSync(`${file}.pub`, 'utf8'), privateKey: readFileSync(file, 'utf8') };
}

async function answers(address: string, port: number): Promise<boolean> {
  const socket = connect(port, address);
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
