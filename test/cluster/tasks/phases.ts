/** How many Tasks were Running at each version of the store, and how many Pods were ever made for each, as watches tell it. */
import { Watch, type KubeConfig } from '@kubernetes/client-node';
import { asRecord } from '../../../src/kernel/strict-json.ts';
import { openCode } from './world.ts';

export interface PhaseWatch {
  /** At a time, of Tasks of such names. */
  mostRunning(isOne: (name: string) => boolean): number;
  /** By namespace and name of the Task: how many different Pods were seen for it. */
  podsOf(isOne: (name: string) => boolean): ReadonlyMap<string, number>;
  close(): void;
}

interface Told {
  readonly key: string;
  readonly name: string;
  readonly isRunning: boolean;
}

export async function watchPhases(config: KubeConfig): Promise<PhaseWatch> {
  const told: Told[] = [];
  const pods = new Map<string, Set<string>>();
  const stopped = new AbortController();

  function takeTask(type: string, object: unknown): void {
    const { name, namespace } = metadataOf(object);
    if (type === 'BOOKMARK' || typeof name !== 'string') return;
    const phase = asRecord(asRecord(object)?.['status'])?.['phase'];
    told.push({ key: `${String(namespace)}/${name}`, name, isRunning: type !== 'DELETED' && phase === 'Running' });
  }

  function takePod(type: string, object: unknown): void {
    const { uid, annotations } = metadataOf(object);
    const task = asRecord(annotations)?.['countersign.dev/task'];
    if (type !== 'ADDED' || typeof task !== 'string') return;
    pods.set(task, (pods.get(task) ?? new Set<string>()).add(String(uid)));
  }

  await follow(config, `/apis/${openCode}/tasks`, takeTask, stopped.signal);
  await follow(config, '/api/v1/pods', takePod, stopped.signal);
  return {
    mostRunning(isOne) {
      const running = new Set<string>();
      let most = 0;
      for (const { key, name, isRunning } of told) {
        if (!isOne(name)) continue;
        if (isRunning) running.add(key);
        else running.delete(key);
        most = Math.max(most, running.size);
      }
      return most;
    },
    podsOf: (isOne) =>
      new Map([...pods].filter(([key]) => isOne(key.split('/')[1] ?? '')).map(([key, uids]) => [key, uids.size])),
    close: () => stopped.abort(),
  };
}

function metadataOf(object: unknown): Readonly<Record<string, unknown>> {
  return asRecord(asRecord(object)?.['metadata']) ?? {};
}

/** From what there is on when it ends: states are told again, and what is told twice changes nothing. */
async function follow(
  config: KubeConfig,
  path: string,
  take: (type: string, object: unknown) => void,
  signal: AbortSignal,
): Promise<void> {
  if (signal.aborted) return;
  const again = (): void => void follow(config, path, take, signal);
  const abort = await new Watch(config).watch(path, {}, take, again);
  signal.addEventListener('abort', () => abort.abort(), { once: true });
}
