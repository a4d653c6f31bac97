/** Reads what actions have printed on Tekton where their result does not say it, so that both engines give the same outputs. */
import { ok, type Result } from '../../kernel/result.ts';
import type { ClusterObjects } from '../../ports/cluster-objects.ts';
import { podsToRead } from '../../workflow/pipeline-mirror.ts';
import { limited } from '../runtime/limited.ts';
import type { UnderWay } from './engine.ts';
import type { TektonUnderWay } from './tekton-under-way.ts';

/** As much as is read of what a Job has printed. */
const maxLogBytes = 128 * 1024;
const logTimeoutMs = 15_000;
/** For how long a log that cannot be had just now is asked for. */
const logPatienceMs = 60_000;
const container = 'step-execute';

export async function readLogs(
  objects: ClusterObjects,
  { workflow, status, now }: UnderWay,
  observed: Pick<TektonUnderWay, 'taskRuns' | 'pods'>,
  signal: AbortSignal,
): Promise<Result<TektonUnderWay['logs']>> {
  const deadline = limited(signal, logTimeoutMs);
  const reads = podsToRead(observed, status.steps).map(async ({ name, endedAt }) => {
    const read = await objects.logTail({ namespace: workflow.namespace, name, container }, maxLogBytes, deadline);
    return { name, endedAt, read };
  });
  const logs = new Map<string, string>();
  for (const { name, endedAt, read } of await Promise.all(reads)) {
    if (read.ok) logs.set(name, read.value ?? '');
    else if (now.getTime() - endedAt < logPatienceMs) return read;
  }
  return ok(logs);
}
