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

/** What the limit says; and where it says nothing, what a runtime could have chosen itself. */
function isLabelled(held: unknown, limit: SeLinuxOptions): boolean {
  const options = asRecord(held);
  const { type, user, role, level } = limit;
  const isType = type === undefined ? containerTypes.includes(options?.['type'] ?? '') : options?.['type'] === type;
  const isLevel = level === undefined || options?.['level'] === level;
  const is = (member: 'user' | 'role', wanted = ''): boolean => (options?.[member] ?? '') === wanted;
  return options !== undefined && isType && isLevel && is('user', user) && is('role', role);
}

function isWithin(held: unknown, limit: Capabilities): boolean {
  const add = itemsOf(asRecord(held)?.['add']);
  const drop = itemsOf(asRecord(held)?.['drop']);
  const isDropped = (name: unknown): boolean => drop.includes('ALL') || drop.includes(name);
  const demanded = limit.drop ?? [];
  const dropsAll = demanded.includes('ALL') ? drop.includes('ALL') : demanded.every(isDropped);
  return dropsAll && add.every((name) => mayAdd(name, limit.add));
}

function mayAdd(name: unknown, limit: Capabilities['add']): boolean {
  return limit === undefined || limit.includes('ALL') || (typeof name === 'string' && limit.includes(name));
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
    const other = b[name];
    if (other === undefined) continue;
    merged[name] =
      name === 'capabilities' ? strictestCapabilities(a, b) : isAsStrict(name, a[name], b) ? a[name] : other;
  }
  return merged;
}

function strictestCapabilities(
  { capabilities: a = {} }: SecurityContext,
  { capabilities: b = {} }: SecurityContext,
): Capabilities {
  const drop = [...new Set([...(a.drop ?? []), ...(b.drop ?? [])])].sort();
  const both = [...(a.add ?? []), ...(b.add ?? [])].filter((name) => mayAdd(name, a.add) && mayAdd(name, b.add));
  const add = a.add === undefined && b.add === undefined ? undefined : [...new Set(both)];
  return {
    ...(add === undefined ? {} : { add }),
    ...(drop.length === 0 ? {} : { drop: drop.includes('ALL') ? ['ALL'] : drop }),
  };
}

/** What of the demands is as strict as the limits; of the others, the limit. */
export function within(demands: SecurityContext, limits: SecurityContext): SecurityContext {
  const result: Record<string, unknown> = { ...demands };
  for (const name of membersOf(demands)) {
    if (!isAsStrict(name, demands[name], limits)) result[name] = strictened(name, demands[name], limits);
  }
  return result;
}

/** The limit in place of what is looser; of capabilities only the part that is too much is taken back. */
export function strictened(name: SecurityMember, held: unknown, limits: SecurityContext): unknown {
  const { capabilities: limit } = limits;
  if (name !== 'capabilities' || limit === undefined) return limits[name];
  const { add: added, drop: dropped, ...rest } = asRecord(held) ?? {};
  const add = textsOf(added).filter((name) => mayAdd(name, limit.add));
  const drop = [...new Set([...textsOf(dropped), ...(limit.drop ?? [])])];
  return { ...rest, ...capabilitiesOf(add, drop) };
}

/** Without empty lists, which say nothing, and which the API server drops. */
export function capabilitiesOf(add: readonly string[], drop: readonly string[]): Capabilities {
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
