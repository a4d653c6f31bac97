/**
 * What is as strict as what, member by member of a container's securityContext. Pure order: nothing here knows who demands
 * what of whom.
 */
import { asRecord } from '../kernel/strict-json.ts';
import { containerTypes } from './pod-security-baseline.ts';
import type { Profile, SecurityContext, SeLinuxOptions } from './security-context.ts';

export type SecurityMember = keyof SecurityContext;
export type Capabilities = NonNullable<SecurityContext['capabilities']>;

export function membersOf(context: SecurityContext): readonly SecurityMember[] {
  // Keys of an object that is made here and by the parser of contracts, which knows no others.
  return Object.keys(context).sort() as SecurityMember[];
}

type Rule = (held: unknown, limit: never) => boolean;

const rules: Readonly<Record<SecurityMember, Rule>> = {
  allowPrivilegeEscalation: (held, limit: boolean) => limit || held === false,
  privileged: (held, limit: boolean) => limit || held === false,
  readOnlyRootFilesystem: (held, limit: boolean) => !limit || held === true,
  runAsNonRoot: (held, limit: boolean) => !limit || held === true,
  // Numbers other than 0 are not ordered: another user than the contract's is no less confined.
  runAsUser: (held, limit: number) => limit === 0 || (typeof held === 'number' && held > 0),
  runAsGroup: (held, limit: number) => limit === 0 || (typeof held === 'number' && held > 0),
  procMount: (held, limit: string) => limit === 'Unmasked' || held === 'Default',
  seccompProfile: isConfined,
  appArmorProfile: isConfined,
  seLinuxOptions: isLabelled,
  capabilities: isWithin,
};

/** What the limit says, or what a runtime could have chosen itself where the limit does not choose among that. */
function isLabelled(held: unknown, limit: SeLinuxOptions): boolean {
  const options = asRecord(held);
  if (options === undefined) return false;
  const { type = '', user = '', role = '', level } = options;
  const isType = type === limit.type || (!isChosen(limit) && containerTypes.includes(type));
  const isLevel = limit.level === undefined || level === limit.level;
  return isType && isLevel && ['', limit.user].includes(user as string) && ['', limit.role].includes(role as string);
}

/** Of types that confine a container each does it in its own way. */
function isChosen({ type }: SeLinuxOptions): boolean {
  return type !== undefined && containerTypes.includes(type);
}

function isWithin(held: unknown, limit: Capabilities): boolean {
  const add = itemsOf(asRecord(held)?.['add']);
  const drop = itemsOf(asRecord(held)?.['drop']);
  // Runtimes drop by name what was added, and by ALL what was there before.
  const isDropped = (name: string): boolean => drop.includes(name) || (drop.includes('ALL') && !add.includes(name));
  const dropsAll = (limit.drop ?? []).every(isDropped);
  return dropsAll && add.every((name) => mayAdd(name, limit));
}

function mayAdd(name: unknown, { add, drop = [] }: Capabilities): boolean {
  if (add === undefined || (add.includes('ALL') && !drop.includes('ALL'))) return true;
  return typeof name === 'string' && add.includes(name);
}

/** Confined by some profile is as strict as by the runtime's; a profile of one's own has to be the very one. */
function isConfined(held: unknown, limit: Profile): boolean {
  const { type, localhostProfile } = asRecord(held) ?? {};
  switch (limit.type) {
    case 'Unconfined':
      return true;
    case 'RuntimeDefault':
      return type === 'RuntimeDefault' || type === 'Localhost';
    case 'Localhost':
      return type === 'Localhost' && localhostProfile === limit.localhostProfile;
  }
}

/** Where the limits say nothing, everything is. */
export function isAsStrict(name: SecurityMember, held: unknown, limits: SecurityContext): boolean {
  // Each rule is given the limit of its own name.
  return limits[name] === undefined || rules[name](held, limits[name] as never);
}

/** Where both speak, the stricter one counts; of two that are equally strict, the first. */
export function strictest(a: SecurityContext, b: SecurityContext): SecurityContext {
  const merged: Record<string, unknown> = { ...a, ...b };
  for (const name of membersOf(a)) {
    if (b[name] === undefined) continue;
    const stricter = isAsStrict(name, a[name], b) ? a[name] : strictened(name, a[name], b);
    merged[name] = name === 'capabilities' ? strictestCapabilities(a, b) : stricter;
  }
  return merged;
}

function strictestCapabilities(
  { capabilities: a = {} }: SecurityContext,
  { capabilities: b = {} }: SecurityContext,
): Capabilities {
  const drop = [...new Set([...(a.drop ?? []), ...(b.drop ?? [])])].sort();
  const both = [...(a.add ?? []), ...(b.add ?? [])].filter((name) => mayAdd(name, a) && mayAdd(name, b));
  const merged = capabilitiesOf([...new Set(both)], drop);
  // Of a limit it means something that nothing may be added.
  return a.add === undefined && b.add === undefined ? merged : { add: [], ...merged };
}

/** What of the demands is as strict as the limits; of the others, the limit. */
export function within(demands: SecurityContext, limits: SecurityContext): SecurityContext {
  const result: Record<string, unknown> = { ...demands };
  for (const name of membersOf(demands)) {
    if (!isAsStrict(name, demands[name], limits)) result[name] = strictened(name, demands[name], limits);
  }
  return result;
}

/** The limit in place of what is looser; of capabilities and labels only in place of the part that is. */
export function strictened(name: SecurityMember, held: unknown, limits: SecurityContext): unknown {
  const { capabilities, seLinuxOptions } = limits;
  if (name === 'capabilities' && capabilities !== undefined) return strictenedCapabilities(held, capabilities);
  if (name === 'seLinuxOptions' && seLinuxOptions !== undefined) return strictenedLabel(held, seLinuxOptions);
  return limits[name];
}

function strictenedCapabilities(held: unknown, limit: Capabilities): unknown {
  const { add: added, drop: dropped, ...rest } = asRecord(held) ?? {};
  const add = textsOf(added).filter((name) => mayAdd(name, limit));
  const drop = [...new Set([...textsOf(dropped), ...(limit.drop ?? [])])];
  return { ...rest, ...capabilitiesOf(add, drop) };
}

function strictenedLabel(held: unknown, limit: SeLinuxOptions): unknown {
  const { type, level } = asRecord(held) ?? {};
  return {
    ...(typeof level === 'string' ? { level } : {}),
    ...limit,
    ...(containerTypes.includes(type) && !isChosen(limit) ? { type } : {}),
  };
}

/** Without what is dropped by name, and without empty lists: they say nothing, and the API server drops them. */
export function capabilitiesOf(added: readonly string[], drop: readonly string[]): Capabilities {
  const add = added.filter((name) => !drop.includes(name));
  return {
    ...(add.length === 0 ? {} : { add }),
    ...(drop.length === 0 ? {} : { drop: drop.includes('ALL') ? ['ALL'] : drop }),
  };
}

function textsOf(list: unknown): readonly string[] {
  return itemsOf(list).filter((item): item is string => typeof item === 'string');
}

/** Of something that is no list: itself, which is the name of nothing. */
function itemsOf(list: unknown): readonly unknown[] {
  if (list === undefined || list === null) return [];
  return Array.isArray(list) ? list : [list];
}
