/** Which ConfigMaps the contexts of a Task are made from: each is read where the context was written, and nowhere else. */
import { defined } from '../kernel/defined.ts';
import type { Agent, ConfigMapContext, Place, Work } from './model.ts';
import { resolveMountPath } from './mount-path.ts';
import { objectName } from './rules.ts';

export interface NeededConfigMap extends Place {
  /** What is needed of it; absent: all. */
  readonly keys?: ReadonlySet<string>;
}

/** Where the Pod is, and its workspace. */
type Home = Pick<Agent, 'namespace' | 'workspaceDir'>;

export function neededConfigMaps({
  contexts,
  agent,
}: Pick<Work, 'contexts'> & { readonly agent: Home }): readonly NeededConfigMap[] {
  const needed = new Map<string, NeededConfigMap>();
  for (const { item, namespace } of contexts) {
    // Names that are none are not asked for: they become part of a path of the API server.
    if (item.type !== 'ConfigMap' || !isObjectName(item.configMap.name)) continue;
    const place = { namespace, name: item.configMap.name };
    const keys = keysOf(item, namespace, agent);
    const before = needed.get(placeKey(place));
    const all = before === undefined ? keys : together(before.keys, keys);
    needed.set(placeKey(place), { ...place, ...defined('keys', all) });
  }
  return [...needed.values()];
}

type Keys = NeededConfigMap['keys'];

function together(some: Keys, others: Keys): Keys {
  return some === undefined || others === undefined ? undefined : new Set([...some, ...others]);
}

function keysOf(item: ConfigMapContext, namespace: string, home: Home): Keys {
  if (isMounted(item, namespace, home)) return new Set();
  return item.configMap.key === undefined ? undefined : new Set([item.configMap.key]);
}

/** All of it, at a place of its own: the kubelet brings it there, and nobody else has to know what is in it. */
export function isMounted({ mountPath, configMap }: ConfigMapContext, namespace: string, home: Home): boolean {
  if (mountPath === undefined || configMap.key !== undefined || namespace !== home.namespace) return false;
  const path = resolveMountPath(mountPath, home.workspaceDir);
  return path.ok && path.value !== home.workspaceDir;
}

/** Key of `ConfigMaps`. */
export function placeKey({ namespace, name }: Place): string {
  return `${namespace}/${name}`;
}

export function isObjectName(name: string): boolean {
  return name.length <= objectName.maxLength && (objectName.pattern?.test(name) ?? true);
}
