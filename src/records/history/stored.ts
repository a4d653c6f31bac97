/** Rows as they were stored. What cannot be read was changed by somebody: an exception, which the store says. */
import type { ActionAssessment, ActionRecord } from '../../ports/action-history.ts';
import { parseAction, parseAssessment } from './action-json.ts';
import type { WorkRow } from './work.ts';

export function storedAction(row: WorkRow): ActionRecord {
  const read = parseAction(JSON.parse(String(row['document'])));
  if (!read.ok) throw new Error(`an action record is not what was stored: ${read.failure}`);
  return read.value;
}

export function storedAssessment(row: WorkRow): ActionAssessment {
  const read = parseAssessment(JSON.parse(String(row['document'])), new Date(0));
  if (!read.ok) throw new Error(`an assessment is not what was stored: ${read.failure}`);
  return read.value;
}
