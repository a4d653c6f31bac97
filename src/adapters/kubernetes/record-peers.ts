/**
 * The other replicas, as the EndpointSlices of the console's Service name them. Each is asked with this Pod's own service
 * account token, and has to have a certificate of our CA for the Service's name.
 */
import { readFile } from 'node:fs/promises';
import { DiscoveryV1Api, type KubeConfig, type V1EndpointSlice } from '@kubernetes/client-node';
import type { Logger } from '../../ports/logger.ts';
import type { Peer } from '../../records/copy-from-peers.ts';
import type { HistoryPeer } from '../../records/history/copy-history.ts';
import { recordsClient, type RecordsClient } from '../records-api/records-client.ts';
import { boundedCall, usualLimits } from './bounded-call.ts';

export interface RecordPeersSettings {
  readonly kubeConfig: KubeConfig;
  readonly namespace: string;
  /** The Service in front of the records API. */
  readonly service: string;
  /** This Pod's own name: it is no peer. */
  readonly podName: string;
  /** PEM; what the certificates of peers are verified with. */
  readonly ca: () => string | undefined;
  readonly log: Logger;
  /** Where the Pod's token is; read for each request. */
  readonly tokenFile?: string;
  readonly listEveryMs?: number;
}

export interface RecordPeers {
  peers(): Promise<readonly (Peer & HistoryPeer)[]>;
  close(): Promise<void>;
}

const usualTokenFile = '/var/run/secrets/kubernetes.io/serviceaccount/token';
const usualListEveryMs = 5_000;
const mostPeers = 32;

export function clusterRecordPeers(settings: RecordPeersSettings): RecordPeers {
  const { kubeConfig, namespace, service, podName, log } = settings;
  const { tokenFile = usualTokenFile, listEveryMs = usualListEveryMs } = settings;
  const api = kubeConfig.makeApiClient(DiscoveryV1Api);
  const clients = new Map<string, RecordsClient>();
  const token = async (): Promise<string> => (await readFile(tokenFile, 'utf8')).trim();
  const serverName = `${service}.${namespace}.svc`;
  let listedAt = Number.NEGATIVE_INFINITY;
  let isTold = false;

  async function list(): Promise<void> {
    listedAt = performance.now();
    const labelSelector = `kubernetes.io/service-name=${service}`;
    const found = await boundedCall('list endpointslices', usualLimits, (options) =>
      api.listNamespacedEndpointSlice({ namespace, labelSelector }, options),
    );
    if (!found.ok) {
      // Those that are known stay.
      if (!isTold) log.warn({ reason: found.failure.message }, 'other replicas cannot be listed');
      isTold = true;
      return;
    }
    isTold = false;
    const addresses = new Set(found.value.items.flatMap((slice) => addressesOf(slice, podName)).slice(0, mostPeers));
    for (const [address, client] of clients) {
      if (addresses.has(address)) continue;
      clients.delete(address);
      await client.close();
    }
    for (const baseUrl of addresses)
      if (!clients.has(baseUrl)) clients.set(baseUrl, recordsClient({ baseUrl, token, ca: settings.ca, serverName }));
  }

  return {
    peers: async () => {
      if (performance.now() - listedAt >= listEveryMs) await list();
      // Without a CA nobody could be told from anybody.
      if (settings.ca() === undefined) return [];
      return [...clients].map(([name, client]) => ({
        name,
        positions: () => client.positions(),
        chain: (writer, from, limit) => client.chain(writer, from, limit),
        changes: (after, limit) => client.changes(after, limit),
      }));
    },
    close: async () => {
      await Promise.all([...clients.values()].map((client) => client.close()));
    },
  };
}

/** Also of Pods that are not ready or end: they answer as long as they can, and have what others lack. */
function addressesOf(slice: V1EndpointSlice, podName: string): readonly string[] {
  const port = slice.ports?.[0]?.port;
  if (port === undefined) return [];
  return (slice.endpoints ?? [])
    .filter(({ targetRef }) => targetRef?.name !== podName)
    .flatMap(({ addresses }) => addresses.slice(0, 1))
    .map((address) => `https://${address.includes(':') ? `[${address}]` : address}:${port}`);
}
