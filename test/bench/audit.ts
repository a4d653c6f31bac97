/** What the API server was asked, by whom, as it has written it down itself. audit.k8s.io/v1 */
import { readFileSync, statSync } from 'node:fs';
import { asRecord } from '../../src/kernel/strict-json.ts';

/** How often by verb and resource, such as "create jobs" or "update workflowexecutions/status". */
export type Calls = Readonly<Record<string, number>>;

export function sizeOf(auditLog: string): number {
  return statSync(auditLog).size;
}

/** Since the log had that size. */
export function callsBy(user: string, auditLog: string, since: number): Calls {
  const calls = new Map<string, number>();
  const lines = readFileSync(auditLog).subarray(since).toString('utf8').split('\n');
  for (const line of lines) {
    const event = line === '' ? undefined : asRecord(JSON.parse(line));
    if (event?.['stage'] !== 'ResponseComplete' || asRecord(event['user'])?.['username'] !== user) continue;
    // Every event has a verb.
    const what = `${event['verb'] as string} ${resourceOf(asRecord(event['objectRef']) ?? {})}`;
    calls.set(what, (calls.get(what) ?? 0) + 1);
  }
  return Object.fromEntries([...calls].toSorted(([, a], [, b]) => b - a));
}

export function total(calls: Calls): number {
  return Object.values(calls).reduce((sum, count) => sum + count, 0);
}

function resourceOf({ resource, subresource }: Readonly<Record<string, unknown>>): string {
  if (typeof resource !== 'string') return 'other';
  return typeof subresource === 'string' ? `${resource}/${subresource}` : resource;
}
