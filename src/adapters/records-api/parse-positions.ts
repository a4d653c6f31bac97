import { asRecord } from '../../kernel/strict-json.ts';
import type { ChainPosition } from '../../ports/records.ts';

export function parsePositions(value: unknown): readonly ChainPosition[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const positions = value.map(parsePosition).filter((position) => position !== undefined);
  return positions.length === value.length ? positions : undefined;
}

function parsePosition(value: unknown): ChainPosition | undefined {
  const members = asRecord(value);
  const writer = asRecord(members?.['writer']);
  const [id, startedAt] = [writer?.['id'], writer?.['startedAt']];
  const [first, last, count] = [members?.['first'], members?.['last'], members?.['count']];
  if (typeof id !== 'string' || typeof startedAt !== 'string') return undefined;
  if (!isCount(first) || !isCount(last) || !isCount(count)) return undefined;
  return { writer: { id, startedAt }, first, last, count };
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
