/** References to Agents and templates: as an object, or as the name alone, which both design documents write too. */
import { defined } from '../kernel/defined.ts';
import { asRecord } from '../kernel/strict-json.ts';
import { dnsLabel, shown, type Members } from '../workflow/fields.ts';
import type { AgentRef } from './model.ts';
import { objectName } from './rules.ts';

/** Absent, empty and null are the same: the default. */
export function readReference(spec: Members, field: string): AgentRef | undefined {
  const value = spec.raw(field);
  if (value === undefined || value === '') return undefined;
  if (typeof value === 'string') return named(spec.text(field, objectName));
  if (asRecord(value) === undefined) {
    spec.complain(field, `is ${shown(value)}; write a name, or a mapping of name and namespace`);
    return undefined;
  }
  const reference = spec.object(field);
  if ((reference.raw('name') ?? '') === '') reference.complain('name', 'is missing; give one');
  return named(reference.text('name', objectName), reference.text('namespace', dnsLabel));
}

function named(name: string | undefined, namespace?: string): AgentRef | undefined {
  return name === undefined ? undefined : { name, ...defined('namespace', namespace) };
}
