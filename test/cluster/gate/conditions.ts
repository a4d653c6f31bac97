/** What a cluster is told about a policy or trust root. */
import { asRecord } from '../../../src/kernel/strict-json.ts';
import type { Api, ApiObject } from './api.ts';
import { until } from '../processes.ts';
import { valueAt } from './workloads.ts';

export interface Told {
  /** Status and reason, e.g. "False NotRead"; "old" while it is about another generation. */
  readonly state: string;
  readonly message: string;
  /** How many conditions of the type there are. */
  readonly count: number;
}

export async function told(api: Api, object: ApiObject, type = 'Ready'): Promise<Told> {
  const stored = await api.read(object);
  const isCurrent = valueAt(stored, 'status.observedGeneration') === valueAt(stored, 'metadata.generation');
  const conditions = valueAt(stored, 'status.conditions');
  const found = (Array.isArray(conditions) ? conditions : [])
    .map((one: unknown) => asRecord(one) ?? {})
    .filter((one) => one['type'] === type);
  const { status, reason, message } = found[0] ?? {};
  return {
    state: isCurrent ? [status, reason].join(' ') : 'old',
    message: typeof message === 'string' ? message : '',
    count: found.length,
  };
}

/** Waits until it is told so; gives the last that was told, whatever it was. */
export async function becomes(
  api: Api,
  object: ApiObject,
  state: string,
  { within, type }: { readonly within: number; readonly type?: string },
): Promise<Told> {
  let last: Told = { state: 'none', message: '', count: 0 };
  await until(async () => {
    last = await told(api, object, type);
    return last.state === state;
  }, within);
  return last;
}
