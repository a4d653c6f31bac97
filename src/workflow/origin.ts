/** Of any object what owner references, events and children's labels need; nothing is refused here. */
import { asRecord } from '../kernel/strict-json.ts';
import type { Origin } from './model.ts';

type Members = Readonly<Record<string, unknown>>;

export function originOf(object: unknown): Origin {
  const record = asRecord(object) ?? {};
  const metadata = asRecord(record['metadata']) ?? {};
  const generation = metadata['generation'];
  return {
    apiVersion: textOf(record, 'apiVersion'),
    kind: record['kind'] === 'ActionExecution' ? 'ActionExecution' : 'WorkflowExecution',
    namespace: textOf(metadata, 'namespace'),
    name: textOf(metadata, 'name'),
    uid: textOf(metadata, 'uid'),
    generation: typeof generation === 'number' && Number.isSafeInteger(generation) ? generation : 0,
    resourceVersion: textOf(metadata, 'resourceVersion'),
  };
}

function textOf(record: Members, name: string): string {
  const value = Object.hasOwn(record, name) ? record[name] : '';
  return typeof value === 'string' ? value : '';
}
