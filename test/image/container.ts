/**
 * A container of an unpacked image as the restricted Pod Security Standard wants it: no capability, no new privileges, a
 * root file system that is read-only. Its network is the machine's, where the tests speak to it on loopback.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ImageConfig } from './layout.ts';

export interface Ended {
  readonly code: unknown;
  readonly out: string;
  readonly err: string;
}

export interface Container {
  readonly ended: Promise<Ended>;
  signal(name: 'SIGTERM'): void;
  /** Whatever is left of it. */
  remove(): void;
}

export interface Mount {
  readonly from: string;
  readonly to: string;
  readonly writable?: boolean;
}

/** `args` stand in place of the image's own CMD. */
export interface ContainerSetting {
  /** Holds `rootfs`, and what runc keeps. */
  readonly folder: string;
  readonly image: ImageConfig;
  readonly args: readonly string[];
  readonly entrypoint?: readonly string[];
  readonly mounts?: readonly Mount[];
  /** In addition to the image's own. */
  readonly env?: Readonly<Record<string, string>>;
}

let started = 0;

export function runContainer(setting: ContainerSetting): Container {
  started += 1;
  const name = `countersign-image-${process.pid}-${started}`;
  const bundle = join(setting.folder, name);
  mkdirSync(bundle);
  writeFileSync(join(bundle, 'config.json'), JSON.stringify(specOf(setting, name)));
  const state = join(setting.folder, 'runc');
  const child = spawn('runc', ['--root', state, 'run', '--bundle', bundle, name], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  let err = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
  return {
    ended: once(child, 'close').then(([code]) => ({ code: code as unknown, out, err })),
    signal: (signal) => void spawnSync('runc', ['--root', state, 'kill', name, signal]),
    remove: () => void spawnSync('runc', ['--root', state, 'delete', '--force', name]),
  };
}

// OCI runtime-spec 1.0 §config
function specOf({ folder, image, args, entrypoint, mounts = [], env = {} }: ContainerSetting, name: string): object {
  const { User, Entrypoint, Env, WorkingDir } = image.config;
  const [uid, gid] = User.split(':').map(Number);
  const none = { bounding: [], effective: [], permitted: [], inheritable: [], ambient: [] };
  return {
    ociVersion: '1.0.2',
    process: {
      user: { uid, gid },
      args: [...(entrypoint ?? Entrypoint), ...args],
      env: [...Env, ...Object.entries(env).map(([key, value]) => `${key}=${value}`)],
      cwd: WorkingDir,
      capabilities: none,
      noNewPrivileges: true,
    },
    root: { path: join(folder, 'rootfs'), readonly: true },
    hostname: name,
    mounts: [
      { destination: '/proc', type: 'proc', source: 'proc' },
      { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'mode=755', 'size=64k'] },
      ...mounts.map(({ from, to, writable = false }) => ({
        destination: to,
        type: 'bind',
        source: from,
        options: ['bind', 'nosuid', 'nodev', 'noexec', writable ? 'rw' : 'ro'],
      })),
    ],
    linux: {
      namespaces: ['pid', 'ipc', 'uts', 'mount'].map((type) => ({ type })),
      resources: { devices: [{ allow: false, access: 'rwm' }] },
      maskedPaths: ['/proc/kcore', '/proc/keys', '/proc/timer_list', '/proc/sched_debug'],
      readonlyPaths: ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'],
    },
  };
}
