/** Where in a Pod the API server's own tokens are. */
import { asRecord } from '../kernel/strict-json.ts';

type Members = Readonly<Record<string, unknown>>;

/** Volumes that hold a service account token. core/v1 ProjectedVolumeSource */
export function tokenVolumes(podSpec: Members): readonly { readonly index: number; readonly name: string }[] {
  return items(podSpec['volumes']).flatMap((volume, index) => {
    const sources = items(asRecord(volume['projected'])?.['sources']);
    const holdsToken = sources.some((source) => (source['serviceAccountToken'] ?? undefined) !== undefined);
    return holdsToken ? [{ index, name: String(volume['name']) }] : [];
  });
}

/** kubernetes plugin/pkg/admission/serviceaccount */
const ofApiServer = { volume: 'kube-api-access-', path: '/var/run/secrets/kubernetes.io/serviceaccount' };

/** Takes out what the API server itself puts into every Pod: one projected volume, and its mounts. */
export function withoutDefaultToken(podSpec: Members): Members {
  const names = new Set(
    tokenVolumes(podSpec)
      .map(({ name }) => name)
      .filter((name) => name.startsWith(ofApiServer.volume)),
  );
  if (names.size === 0) return podSpec;
  const isMount = (mount: Members): boolean =>
    names.has(String(mount['name'])) && mount['mountPath'] === ofApiServer.path;
  const unmounted = (container: Members): Members =>
    container['volumeMounts'] === undefined
      ? container
      : { ...container, volumeMounts: items(container['volumeMounts']).filter((mount) => !isMount(mount)) };
  const lists = ['containers', 'initContainers'].filter((name) => Array.isArray(podSpec[name]));
  return {
    ...podSpec,
    ...Object.fromEntries(lists.map((name) => [name, items(podSpec[name]).map(unmounted)])),
    volumes: items(podSpec['volumes']).filter((volume) => !names.has(String(volume['name']))),
  };
}

/** What is no object in a list would not have passed the API server. */
function items(list: unknown): readonly Members[] {
  return Array.isArray(list) ? list.map((item: unknown) => asRecord(item) ?? {}) : [];
}
