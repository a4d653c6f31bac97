/** What its users would push with: crane and cosign themselves. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, afterAll, describe, expect, test } from 'vitest';
import { pushImage } from '../../../src/demo/registry/images.ts';
import { startRegistry, type DemoRegistry } from '../../../src/demo/registry/serve.ts';
import { usualPayload } from '../../../src/evidence/usual-payload.ts';
import { digestOf, hexOf } from '../../../src/kernel/digest.ts';
import { findPrograms } from '../../contracts/registry-programs.ts';

const programs = await findPrograms('real clients of the registry in this process');

describe.skipIf(programs === undefined).each([
  ['with the referrers API', true],
  ['without it', false],
])('a registry %s', (_name, referrersApi) => {
  let registry: DemoRegistry;
  let folder: string;

  beforeAll(async () => {
    registry = await startRegistry({ referrersApi });
    folder = mkdtempSync(join(tmpdir(), 'registry-clients-'));
  });
  afterAll(async () => {
    await registry.close();
    rmSync(folder, { recursive: true });
  });

  async function run(program: 'crane' | 'cosign', ...args: readonly string[]): Promise<string> {
    const env = { ...process.env, COSIGN_PASSWORD: '', HOME: folder };
    const { stdout } = await promisify(execFile)(programs?.[program] ?? '', args, {
      cwd: folder,
      env,
      timeout: 30_000,
    });
    return stdout.trim();
  }

  test('crane copies, lists and digests', async () => {
    const { digest } = pushImage(registry, { repository: 'from', tag: '1.0' });
    await run('crane', 'copy', '--insecure', `${registry.host}/from:1.0`, `${registry.host}/to/there:2.0`);
    expect(await run('crane', 'digest', '--insecure', `${registry.host}/to/there:2.0`)).toBe(digest);
    expect(await run('crane', 'ls', '--insecure', `${registry.host}/to/there`)).toBe('2.0');
    await run('crane', 'validate', '--insecure', '--remote', `${registry.host}/to/there:2.0`);
  });

  test('cosign signs and verifies', async () => {
    const { digest } = pushImage(registry, { repository: 'signed', tag: '1.0' });
    const image = `${registry.host}/signed@${digest}`;
    await run('cosign', 'generate-key-pair');
    const offline = ['--allow-insecure-registry', '--use-signing-config=false', '--tlog-upload=false', '-y'];
    await run('cosign', 'sign', '--key', 'cosign.key', ...offline, image);
    await run('cosign', 'sign', '--key', 'cosign.key', '--new-bundle-format=false', ...offline, image);
    const fallback = `sha256-${hexOf(digest)}`;
    expect(registry.store.tags('signed').filter((tag) => tag !== '1.0')).toEqual(
      referrersApi ? [`${fallback}.sig`] : [fallback, `${fallback}.sig`],
    );
    // What the evidence counts on not to have to fetch.
    const payload = usualPayload({ registry: registry.host, repository: 'signed', digest });
    expect(registry.store.blob('signed', digestOf(payload))).toEqual(payload);
    const verify = ['verify', '--key', 'cosign.pub', '--insecure-ignore-tlog', '--allow-insecure-registry'];
    expect(await run('cosign', ...verify, image)).toContain(digest);
    expect(await run('cosign', ...verify, '--new-bundle-format=false', image)).toContain(digest);
  });
});
