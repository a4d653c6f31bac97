/** Everything of one kind that ever was in a namespace, as a watch tells it: what was removed and made again is seen twice. */
import { Watch, type KubeConfig } from '@kubernetes/client-node';
import { asRecord } from '../../../src/kernel/strict-json.ts';

export interface Recorded {
  readonly name: string;
  readonly uid: string;
  readonly labels: Readonly<Record<string, unknown>>;
  /** performance.now() of when it was told. */
  readonly at: number;
}

export interface Recorder {
  /** In the order in which they were made. */
  added(): readonly Recorded[];
  close(): void;
}

export async function record(config: KubeConfig, path: string): Promise<Recorder> {
  const added = new Map<string, Recorded>();
  const stopped = new AbortController();
  const take = (type: string, object: unknown): void => {
    const metadata = asRecord(asRecord(object)?.['metadata']);
    const { name, uid } = metadata ?? {};
    if (type !== 'ADDED' || typeof name !== 'string' || typeof uid !== 'string' || added.has(uid)) return;
    added.set(uid, { name, uid, labels: asRecord(metadata?.['labels']) ?? {}, at: performance.now() });
  };
  // From the beginning again when it ends: what is there is told once more and known by its UID.
  const watch = async (): Promise<void> => {
    if (stopped.signal.aborted) return;
    const abort = await new Watch(config).watch(path, {}, take, () => void watch());
    stopped.signal.addEventListener('abort', () => abort.abort(), { once: true });
  };
  await watch();
  return { added: () => [...added.values()], close: () => stopped.abort() };
}
