import { asRecord } from '../kernel/strict-json.ts';
import { shown, type Members } from '../workflow/fields.ts';
import { reservedLabelProblem } from './reserved-labels.ts';

const maxLabels = 200;

/** Whether key and value are any good as a label is judged by the API server, at the Pod. */
export function readLabels(members: Members, field: string): Readonly<Record<string, string>> {
  const value = members.raw(field);
  if (value === undefined) return {};
  const entries = Object.entries(asRecord(value) ?? {});
  if (asRecord(value) === undefined) members.complain(field, `is ${shown(value)}; write a mapping of labels`);
  if (entries.length > maxLabels) members.complain(field, `has more than ${maxLabels} labels; write fewer`);
  const labels = entries.slice(0, maxLabels).filter((entry): entry is [string, string] => {
    const problem = reservedLabelProblem(entry[0]) ?? (typeof entry[1] === 'string' ? undefined : notText(entry));
    if (problem !== undefined) members.complain(field, problem);
    return problem === undefined;
  });
  return Object.fromEntries(labels);
}

function notText([key, value]: readonly [string, unknown]): string {
  return `has ${shown(key)} with ${shown(value)}; write its value in quotes`;
}
