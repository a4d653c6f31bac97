/** What an image that the real cosign has signed costs at a real registry, from a cold start. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { anonymous } from '../../src/adapters/registry/docker-config.ts';
import { createOciRegistry } from '../../src/adapters/registry/oci-registry.ts';
import { createInProcessVerifier } from '../../src/adapters/verification/in-process-verifier.ts';
import { createEvidenceSource } from '../../src/evidence/gather.ts';
import type { SignaturesQuestion } from '../../src/policy/question.ts';
import { startDistribution } from './registry-distribution.ts';
import { findPrograms } from './registry-programs.ts';
import { Pusher } from './registry-pusher.ts';
import { account, type RunningRegistry } from './registry.ts';
import { noLanguages } from '../fakes/policy-code.ts';

const programs = await findPrograms('round trips at a real registry');
const workload = { namespace: 'default', serviceAccount: 'default', pullSecrets: [] };
const noCache = { cache: (): void => undefined };

describe.skipIf(programs === undefined)('an image signed with a key, at first contact with the registry', () => {
  let registry: RunningRegistry;
  let pusher: Pusher;
  let folder: string;

  beforeAll(async () => {
    registry = await startDistribution(programs?.registry ?? '', { access: 'open' });
    pusher = new Pusher(registry.url, 'app', account);
    folder = mkdtempSync(join(tmpdir(), 'registry-round-trips-'));
    await cosign('generate-key-pair');
  });
  afterAll(async () => {
    await pusher.close();
    await registry.close();
    rmSync(folder, { recursive: true });
  });

  async function cosign(...args: readonly string[]): Promise<void> {
    const env = { ...process.env, COSIGN_PASSWORD: '', HOME: folder };
    await promisify(execFile)(programs?.cosign ?? '', args, { cwd: folder, env, timeout: 30_000 });
  }

  test.each([
    ['as bundle', 'bundle', []],
    ['as cosign 2 did', 'legacy', ['--new-bundle-format=false']],
  ])('%s costs four requests', async (_name, tag, flags) => {
    const { digest } = await pusher.image(tag, tag);
    const offline = ['--allow-insecure-registry', '--use-signing-config=false', '--tlog-upload=false', '-y'];
    await cosign('sign', '--key', 'cosign.key', ...offline, ...flags, `${registry.host}/app@${digest}`);

    let requests = 0;
    const metrics = { registryRequest: () => void (requests += 1) };
    const client = createOciRegistry({ insecure: [registry.host], ca: new Map(), metrics });
    const evidence = createEvidenceSource({
      registry: client,
      verifier: createInProcessVerifier(),
      languages: noLanguages,
      clock: { now: () => new Date() },
      pullCredentials: { ofWorkload: () => anonymous },
      metrics: noCache,
    });
    const image = { registry: registry.host, repository: 'app' };
    const signal = AbortSignal.timeout(10_000);
    expect(await evidence.resolveTag({ ...image, tag }, workload, signal)).toEqual({ ok: true, value: digest });
    const key = readFileSync(join(folder, 'cosign.pub'), 'utf8');
    const question: SignaturesQuestion = {
      kind: 'signatures',
      id: tag,
      image: { ...image, digest },
      trust: { kind: 'key', keys: [key], log: { demand: 'ignored' } },
    };
    const answer = (await evidence.answer([question], workload, signal)).get(tag);
    await client.close();
    expect(answer).toMatchObject({ ok: true, value: [{ verified: true }] });
    expect(requests).toBe(4);
  });
});
