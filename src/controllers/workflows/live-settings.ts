/**
 * Settings and action registry as their ConfigMaps say it now: what is read is what is in force, the next decision already
 * goes by it. Wrong values are told once, in the log and at the ConfigMap.
 */
import { defined } from '../../kernel/defined.ts';
import type { KubeObject } from '../../kernel/kube-object.ts';
import type { ClusterObjects } from '../../ports/cluster-objects.ts';
import type { Events } from '../../ports/events.ts';
import type { Leadership } from '../../ports/leadership.ts';
import type { Logger } from '../../ports/logger.ts';
import { kinds } from '../../workflow/kinds.ts';
import { names, type ActionRegistry, type WorkflowSettings } from '../../workflow/model.ts';
import { parseRegistry } from '../../workflow/registry.ts';
import { parseSettings, type Environment } from '../../workflow/settings.ts';

export interface LiveSettings {
  settings(): WorkflowSettings;
  registry(): ActionRegistry;
  close(): void;
}

export interface LiveSettingsPorts {
  readonly objects: Pick<ClusterObjects, 'get' | 'onChange'>;
  readonly events: Events;
  /** One replica tells. */
  readonly leadership: Leadership;
  readonly log: Logger;
}

interface Read<T> {
  readonly object: KubeObject | undefined;
  readonly value: T;
  readonly problems: readonly string[];
}

export function liveSettings(
  { objects, events, leadership, log }: LiveSettingsPorts,
  namespace: string,
  environment: Environment,
): LiveSettings {
  const settings = followed(names.settings, (data) => {
    const { settings: value, problems } = parseSettings(data, environment);
    return { value, problems };
  });
  const registry = followed(names.registry, (data) => {
    const value = parseRegistry(data);
    return { value, problems: [...value.problems.values()] };
  });
  const tellAll = (): void => {
    for (const { tell } of [settings, registry]) tell();
  };
  const unfollow = [
    leadership.onChange(tellAll),
    objects.onChange((object, change) => {
      const isOurs = object.kind === kinds.configMap.kind && object.metadata.namespace === namespace;
      if (isOurs && change === 'present') tellAll();
    }),
  ];

  /** Parsed once per version. */
  function followed<T>(
    name: string,
    parse: (data: unknown) => { readonly value: T; readonly problems: readonly string[] },
  ) {
    let last: Read<T> | undefined;
    let logged: string | undefined;
    function current(): Read<T> {
      const object = objects.get({ kind: kinds.configMap, namespace, name });
      if (last?.object !== object || last === undefined) last = { object, ...parse(object?.['data']) };
      return last;
    }
    function tell(): void {
      const { object, problems } = current();
      if (object === undefined || problems.length === 0) return;
      const { uid, resourceVersion } = object.metadata;
      if (logged !== resourceVersion)
        log.warn({ configMap: name, problems }, 'some values of a ConfigMap are not in force');
      logged = resourceVersion;
      if (!leadership.isLeader()) return;
      const about = { apiVersion: 'v1', kind: 'ConfigMap', name, ...defined('namespace', namespace), uid };
      for (const message of problems.slice(0, mostEvents))
        events.tell({ about, type: 'Warning', reason: 'InvalidValue', message, key: message });
    }
    return { value: (): T => current().value, tell };
  }

  return {
    settings: settings.value,
    registry: registry.value,
    close: () => {
      for (const stop of unfollow) stop();
    },
  };
}

/** The first few say enough. */
const mostEvents = 10;
