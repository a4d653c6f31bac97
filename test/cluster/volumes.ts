/**
 * Volumes for claims, as a provisioner of a real cluster makes them: while it runs there is a default storage class, each
 * claim of it gets a folder of this machine (which is the node), and the folder goes with the claim. A claim that names
 * another class stays pending.
 *
 *   const volumes = await startVolumes(api);   // in beforeAll
 *   await volumes.close();                     // in afterAll
 */
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Api, ApiObject } from './gate/api.ts';

export interface Volumes {
  /** Below it is one folder per claim, named by the claim's UID. */
  readonly folder: string;
  /** Takes the storage class and all its volumes away. */
  close(): Promise<void>;
}

const storageClass = 'test-folders';
const label = 'countersign.test/volumes';
const pollMs = 150;

interface Claim {
  readonly metadata: { readonly name: string; readonly namespace: string; readonly uid: string };
  readonly spec: {
    readonly storageClassName?: string;
    readonly accessModes: readonly string[];
    readonly resources: { readonly requests: { readonly storage: string } };
  };
  readonly status?: { readonly phase?: string };
}

interface Volume {
  readonly metadata: { readonly name: string };
  readonly spec: { readonly hostPath: { readonly path: string } };
  readonly status?: { readonly phase?: string };
}

export async function startVolumes(api: Api): Promise<Volumes> {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-volumes-'));
  chmodSync(folder, 0o755);
  await api.apply(classObject);
  const stop = new AbortController();
  const loop = keepUp(api, folder, stop.signal);
  const close = async (): Promise<void> => {
    stop.abort();
    await loop;
    await api.remove(classObject);
    for (const volume of await volumesOf(api, folder)) await remove(api, volume);
    rmSync(folder, { recursive: true, force: true });
  };
  return { folder, close };
}

async function keepUp(api: Api, folder: string, stop: AbortSignal): Promise<void> {
  while (!stop.aborted) {
    // The API server may be stopped for a while; the next round does what this one could not.
    await round(api, folder).catch(() => undefined);
    await sleep(pollMs, undefined, { signal: stop }).catch(() => undefined);
  }
}

async function round(api: Api, folder: string): Promise<void> {
  const claims = await list<Claim>(api, '/api/v1/persistentvolumeclaims');
  for (const claim of claims.filter(isWaiting)) await provide(api, folder, claim);
  const volumes = await volumesOf(api, folder);
  for (const volume of volumes.filter(({ status }) => status?.phase === 'Released')) await remove(api, volume);
}

function isWaiting({ spec, status }: Claim): boolean {
  return spec.storageClassName === storageClass && status?.phase === 'Pending';
}

async function provide(api: Api, folder: string, { metadata, spec }: Claim): Promise<void> {
  const path = join(folder, metadata.uid);
  mkdirSync(path, { recursive: true });
  // The kubelet gives a folder of the host to no group, and actions are not root.
  chmodSync(path, 0o777);
  await api.apply({
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name: `test-${metadata.uid}`, labels: { [label]: 'true' } },
    spec: {
      storageClassName: storageClass,
      accessModes: spec.accessModes,
      capacity: { storage: spec.resources.requests.storage },
      persistentVolumeReclaimPolicy: 'Retain',
      hostPath: { path, type: 'Directory' },
      claimRef: {
        apiVersion: 'v1',
        kind: 'PersistentVolumeClaim',
        name: metadata.name,
        namespace: metadata.namespace,
        uid: metadata.uid,
      },
    },
  });
}

async function remove(api: Api, { metadata: { name }, spec }: Volume): Promise<void> {
  await api.remove({ apiVersion: 'v1', kind: 'PersistentVolume', metadata: { name } });
  rmSync(spec.hostPath.path, { recursive: true, force: true });
}

async function volumesOf(api: Api, folder: string): Promise<readonly Volume[]> {
  const volumes = await list<Volume>(api, `/api/v1/persistentvolumes?labelSelector=${encodeURIComponent(label)}`);
  // Another run's are not removed, nor any path that is not one of ours.
  return volumes.filter(({ spec }) => spec.hostPath.path.startsWith(`${folder}/`));
}

async function list<T>(api: Api, path: string): Promise<readonly T[]> {
  const { status, text } = await api.get(path);
  if (status !== 200) throw new Error(`${path}: ${status}`);
  // A list of the API server's.
  return (JSON.parse(text) as { readonly items: readonly T[] }).items;
}

const classObject: ApiObject = {
  apiVersion: 'storage.k8s.io/v1',
  kind: 'StorageClass',
  metadata: { name: storageClass, annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
  provisioner: 'countersign.test/folders',
  volumeBindingMode: 'Immediate',
  reclaimPolicy: 'Delete',
  allowVolumeExpansion: true,
};
