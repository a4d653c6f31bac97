/** buildah with a storage of its own, so that neither images nor settings of the machine play a part. */
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { BaseImage } from './base-images.ts';

const run = promisify(execFile);
const longest = { timeout: 300_000, maxBuffer: 64 * 1024 * 1024 };

export class Buildah {
  readonly #work: string;

  constructor(work: string) {
    this.#work = work;
    // Nothing is pulled, so nothing is asked to be signed.
    writeFileSync(join(work, 'policy.json'), '{"default":[{"type":"insecureAcceptAnything"}]}');
  }

  async importBase({ folder, env }: BaseImage, name: string): Promise<void> {
    const settings = Object.entries(env).map(([key, value]) => `ENV ${key}=${value}`);
    const recipe = `${folder}.Dockerfile`;
    writeFileSync(recipe, ['FROM scratch', 'COPY . /', ...settings, ''].join('\n'));
    await this.#run('bud', '--timestamp=0', '--tag', name, '--file', recipe, folder);
  }

  /** The last stage of the Dockerfile unless another one is named. */
  async build(context: string, name: string, args: Readonly<Record<string, string>>, stage?: string): Promise<void> {
    await this.#run(
      'bud',
      '--isolation=chroot',
      '--network=host',
      '--timestamp=0',
      '--pull=false',
      ...(stage === undefined ? [] : [`--target=${stage}`]),
      ...(await npmOfThisMachine()),
      ...Object.entries(args).map(([key, value]) => `--build-arg=${key}=${value}`),
      '--tag',
      name,
      context,
    );
  }

  async push(name: string, layout: string): Promise<void> {
    mkdirSync(layout);
    await this.#run('push', '--disable-compression', name, `oci:${layout}:${name}`);
  }

  async pack(layout: string, archive: string): Promise<void> {
    await run('tar', ['--create', '--file', archive, '--directory', layout, '.'], longest);
  }

  async #run(command: string, ...args: readonly string[]): Promise<void> {
    const storage = [
      '--storage-driver=vfs',
      `--root=${join(this.#work, 'storage')}`,
      `--runroot=${join(this.#work, 'run')}`,
    ];
    const env = { ...process.env, TMPDIR: this.#work };
    const policy =
      command === 'push' || command === 'bud' ? [`--signature-policy=${join(this.#work, 'policy.json')}`] : [];
    try {
      await run('buildah', [...storage, command, ...policy, ...args], { ...longest, env });
    } catch (error) {
      const output = error instanceof Error && 'stderr' in error ? String(error.stderr) : String(error);
      throw new Error(`buildah ${command} failed: ${output.slice(-2_000)}`, { cause: error });
    }
  }
}

/** The build asks the registry that this machine asks, and takes what this machine has already fetched. */
async function npmOfThisMachine(): Promise<readonly string[]> {
  const { stdout } = await run('npm', ['config', 'list', '--long', '--json']);
  // npm wrote it; both are paths in every npm.
  const { userconfig, cache } = JSON.parse(stdout) as { userconfig: string; cache: string };
  const registry = process.env['NPM_CONFIG_REGISTRY'] ?? process.env['npm_config_registry'];
  return [
    ...(registry === undefined ? [] : [`--build-arg=NPM_CONFIG_REGISTRY=${registry}`]),
    ...(existsSync(userconfig) ? [`--secret=id=npmrc,src=${userconfig}`] : []),
    ...(existsSync(cache) ? [`--volume=${cache}:/root/.npm`] : []),
  ];
}
