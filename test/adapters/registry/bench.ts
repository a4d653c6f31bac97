import { onTestFinished } from 'vitest';
import { anonymous } from '../../../src/adapters/registry/docker-config.ts';
import type { HostSettings } from '../../../src/adapters/registry/hosts.ts';
import {
  createOciRegistry,
  type OciRegistry,
  type OciRegistrySettings,
} from '../../../src/adapters/registry/oci-registry.ts';
import { pushImage } from '../../../src/demo/registry/images.ts';
import { startRegistry, type DemoRegistry, type DemoRegistryOptions } from '../../../src/demo/registry/serve.ts';
import type { Digest } from '../../../src/kernel/digest.ts';
import { ok, type Result } from '../../../src/kernel/result.ts';
import type { CallOptions, Credentials, Descriptor, Repository } from '../../../src/ports/registry.ts';

/** A registry with one image, and a client that was told of it. Both end with the test. */
export interface Bench {
  readonly demo: DemoRegistry;
  readonly client: OciRegistry;
  readonly app: Repository;
  readonly image: { readonly digest: Digest; readonly size: number };
}

export const account = { username: 'user', password: 'hunter2' };
export const known: Credentials = { id: 'known', forHost: async () => ok(account) };

export async function openBench(options: DemoRegistryOptions = {}, hosts: Partial<HostSettings> = {}): Promise<Bench> {
  const demo = await serve(options);
  const image = pushImage(demo, { repository: 'app', tag: '1.0' });
  const client = connect(hosts.insecure === undefined ? { insecure: [demo.host], ...hosts } : hosts);
  return { demo, client, app: { registry: demo.host, repository: 'app' }, image };
}

export async function serve(options: DemoRegistryOptions = {}): Promise<DemoRegistry> {
  const demo = await startRegistry(options);
  onTestFinished(() => demo.close());
  return demo;
}

export function connect(hosts: Partial<OciRegistrySettings>): OciRegistry {
  const client = createOciRegistry({
    insecure: [],
    ca: new Map(),
    metrics: { registryRequest: () => undefined },
    ...hosts,
  });
  onTestFinished(() => client.close());
  return client;
}

export function as(credentials: Credentials = anonymous, ms = 5_000): CallOptions {
  return { credentials, signal: AbortSignal.timeout(ms) };
}

/** All lists as one, or the first failure. */
export async function referrersOf(
  { client, app, image }: Bench,
  options = as(),
): Promise<Result<readonly Descriptor[]>> {
  const found: Descriptor[] = [];
  for await (const listed of client.referrers(app, image.digest, options)) {
    if (!listed.ok) return listed;
    found.push(...listed.value);
  }
  return ok(found);
}

export function codeOf(result: Result<unknown>): string {
  return result.ok ? 'no failure' : result.failure.code;
}

export function messageOf(result: Result<unknown>): string {
  return result.ok ? 'no failure' : result.failure.message;
}
