/**
 * What git and ssh read from files: credentials, a key, known hosts. They lie in a folder of their own that nobody else may
 * read, and which is gone before the agent starts. Nothing secret is on a command line.
 */
import { constants } from 'node:fs';
import { access, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { GitSettings } from './git-settings.ts';

export interface PrivateFiles {
  readonly folder: string;
  /** For git's helper `store`; written anew for each attempt, as git drops what a server has refused. */
  readonly credentials?: string;
  /** ssh_config(5) */
  readonly sshConfig: string;
  /** PEM */
  readonly authorities?: string;
  refresh(): Promise<void>;
  remove(): Promise<void>;
}

const ownerOnly = { mode: 0o600 };
/** As git's curl finds them in Debian, Red Hat, Alpine. */
const bundles = ['/etc/ssl/certs/ca-certificates.crt', '/etc/pki/tls/certs/ca-bundle.crt', '/etc/ssl/cert.pem'];

export async function writePrivateFiles(settings: GitSettings, own: string | undefined): Promise<PrivateFiles> {
  const folder = await makePrivateFolder(settings.root);
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true });
  try {
    const refresh = async (): Promise<void> => writeCredentials(folder, settings);
    await refresh();
    const sshConfig = await writeSshFiles(folder, settings);
    const credentials = settings.login === undefined ? {} : { credentials: credentialsIn(folder) };
    const authorities = own === undefined ? {} : { authorities: await writeAuthorities(folder, own) };
    return { folder, sshConfig, ...credentials, ...authorities, refresh, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** Without a place for temporary files (the root file system may be read-only) beside the clone. */
async function makePrivateFolder(root: string): Promise<string> {
  await mkdir(root, { recursive: true });
  const parent = await access(tmpdir(), constants.W_OK).then(
    () => tmpdir(),
    () => root,
  );
  return mkdtemp(join(parent, '.git-init-'));
}

const credentialsIn = (folder: string): string => join(folder, 'credentials');

/** git-credential-store(1): git gives them to this scheme, host and port, and to no other. */
async function writeCredentials(folder: string, { git, login }: GitSettings): Promise<void> {
  if (login === undefined || !/^https?:/i.test(git.repository)) return;
  const { protocol, host } = new URL(git.repository);
  const who = `${encodeURIComponent(login.username)}:${encodeURIComponent(login.password)}`;
  await writeFile(credentialsIn(folder), `${protocol}//${who}@${host}\n`, ownerOnly);
}

async function writeSshFiles(folder: string, { sshKey, knownHosts }: GitSettings): Promise<string> {
  const keyFile = join(folder, 'key');
  const hostsFile = join(folder, 'known_hosts');
  if (sshKey !== undefined) await writeFile(keyFile, `${sshKey}\n`, ownerOnly);
  if (knownHosts !== undefined) await writeFile(hostsFile, `${knownHosts}\n`, ownerOnly);
  const lines = [
    'Host *',
    'BatchMode yes',
    'IdentitiesOnly yes',
    'IdentityAgent none',
    `IdentityFile ${sshKey === undefined ? 'none' : quotedPath(keyFile)}`,
    // Without known hosts the first key is taken, and has to stay the same for all connections of this clone.
    `StrictHostKeyChecking ${knownHosts === undefined ? 'accept-new' : 'yes'}`,
    `UserKnownHostsFile ${quotedPath(hostsFile)}`,
    'GlobalKnownHostsFile /dev/null',
    'UpdateHostKeys no',
    'ForwardAgent no',
    'ConnectTimeout 20',
    'ServerAliveInterval 15',
    'ServerAliveCountMax 4',
  ];
  const file = join(folder, 'ssh_config');
  await writeFile(file, `${lines.join('\n  ')}\n`, ownerOnly);
  return file;
}

/** ssh expands `%` in paths. */
const quotedPath = (path: string): string => `"${path.replaceAll('%', '%%')}"`;

async function writeAuthorities(folder: string, own: string): Promise<string> {
  const texts = await Promise.all(bundles.map((path) => readFile(path, 'latin1').catch(() => undefined)));
  const known = texts.find((text) => text !== undefined) ?? '';
  const file = join(folder, 'authorities.pem');
  await writeFile(file, `${known}\n${own}`, { ...ownerOnly, encoding: 'latin1' });
  return file;
}
