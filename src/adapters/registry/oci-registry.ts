/**
 * The Registry port over the OCI distribution API. Nothing that a registry sends is believed: every body is held against
 * the digest it was asked for, and limited in size.
 */
import { LRUCache } from 'lru-cache';
import { repositoryName } from '../../kernel/image-reference.ts';
import type { Metrics } from '../../ports/metrics.ts';
import type { Registry } from '../../ports/registry.ts';
import type { Env } from '../cloud/exchange.ts';
import { getBlob, streamBlob } from './blobs.ts';
import { createCaller, type Caller } from './caller.ts';
import { Hosts, type HostSettings } from './hosts.ts';
import { getManifest, resolveTag } from './manifests.ts';
import { createIdentities } from './identities.ts';
import { withMirrors } from './mirrors.ts';
import { createReferrers, type Hints } from './referrers.ts';
import { createTransport } from './transport.ts';

export interface OciRegistrySettings extends HostSettings {
  readonly metrics: Pick<Metrics, 'registryRequest'>;
  /** Of the process, for identities in clouds; absent: there are none but those that the file demands. */
  readonly env?: Env;
}

export interface OciRegistry extends Registry {
  close(): Promise<void>;
}

export function createOciRegistry(settings: OciRegistrySettings): OciRegistry {
  const hosts = new Hosts(settings);
  const transport = createTransport(hosts, settings.metrics);
  const anyCall = createCaller(hosts, transport, createIdentities(hosts, transport, settings.env));
  const repositories = new LRUCache<string, true>({ max: 10_000 });
  const descendants = new LRUCache<string, true>({ max: 1_000 });

  const call: Caller = async (asked) => {
    const answer = await anyCall(asked);
    if (!answer.ok) return answer;
    const { repository } = asked;
    const { status, headers } = answer.value;
    if (status === 200) repositories.set(repositoryName(repository), true);
    if (headers['docker-distribution-api-version'] !== undefined) descendants.set(repository.registry, true);
    return answer;
  };
  const hints: Hints = {
    isThere: (repository) => repositories.has(repositoryName(repository)),
    mayLackApi: (host) => descendants.has(host),
  };

  const asWritten: Registry = {
    resolve: (repository, tag, options) => resolveTag(call, repository, tag, options),
    manifest: (repository, reference, options) => getManifest(call, repository, reference, options),
    blob: getBlob(call),
    streamBlob: streamBlob(call),
    referrers: createReferrers(call, hints),
  };
  return { ...withMirrors(asWritten, hosts, settings.file?.rewrites ?? []), close: () => transport.close() };
}
