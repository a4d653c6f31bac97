/** Which ConfigMaps the contexts of a Task are made from: each is read where the context was written, and nowhere else. */
import type { ContextItem, Place, Work } from './model.ts';
import { objectName } from './rules.ts';

export function neededConfigMaps({ contexts }: Pick<Work, 'contexts'>): readonly Place[] {
  const places = contexts.flatMap(({ item, namespace }) => {
    const name = configMapName(item);
    return name === undefined ? [] : [{ namespace, name }];
  });
  return [...new Map(places.map((place) => [placeKey(place), place])).values()];
}

/** Key of `ConfigMaps`. */
export function placeKey({ namespace, name }: Place): string {
  return `${namespace}/${name}`;
}

/** Names that are none are not asked for: they become part of a path of the API server. */
function configMapName(item: ContextItem): string | undefined {
  if (item.type !== 'ConfigMap') return undefined;
  return isObjectName(item.configMap.name) ? item.configMap.name : undefined;
}

export function isObjectName(name: string): boolean {
  return name.length <= objectName.maxLength && (objectName.pattern?.test(name) ?? true);
}
