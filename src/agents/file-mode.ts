import { shown, type Members } from '../workflow/fields.ts';

/** A number of JSON: 0400 of YAML 1.1, which kubectl reads, has become 256 by now. */
export function readFileMode(members: Members): number | undefined {
  const value = members.raw('fileMode');
  if (value === undefined) return undefined;
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 0o777) return value;
  members.complain('fileMode', `is ${shown(value)}; write a mode from 0 to 0777, which is 511 in JSON`);
  return undefined;
}
