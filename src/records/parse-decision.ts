import { defined } from '../kernel/defined.ts';
import { asRecord } from '../kernel/strict-json.ts';
import type { DecidedImage, Decision, DecisionReason } from '../ports/decision-log.ts';

type Members = Readonly<Record<string, unknown>>;

const phases: readonly Decision['phase'][] = ['mutate', 'validate', 'review'];
export const verdicts: readonly Decision['verdict'][] = ['admit', 'warn', 'refuse', 'unavailable', 'error', 'skip'];

/** A decision as it stands in a line. Members that this version does not know are left out; the line still has them. */
export function parseDecision(members: Members): Decision | undefined {
  const phase = phases.find((known) => known === members['phase']);
  const verdict = verdicts.find((known) => known === members['verdict']);
  const named = parseNamed(members);
  const images = list(members['images'], parseImage);
  const reasons = list(members['reasons'], parseReason);
  const audited = list(members['audited'] ?? [], parseReason);
  if (members['v'] !== 1 || phase === undefined || verdict === undefined || named === undefined) return undefined;
  if (images === undefined || reasons === undefined || audited === undefined) return undefined;
  const durationMs = Number(members['durationMs'] ?? 0);
  const rest = { ...aboutRequest(members), images, reasons, ...(audited.length === 0 ? {} : { audited }) };
  return { v: 1, ...named, phase, verdict, ...rest, durationMs };
}

function parseNamed(members: Members): Pick<Decision, 'time' | 'correlationId' | 'uid'> | undefined {
  const [time, correlationId, uid] = [text(members, 'time'), text(members, 'correlationId'), text(members, 'uid')];
  if (time === undefined || correlationId === undefined || uid === undefined) return undefined;
  return Number.isNaN(Date.parse(time)) ? undefined : { time, correlationId, uid };
}

function aboutRequest(members: Members): Partial<Decision> {
  return {
    ...(members['dryRun'] === true ? { dryRun: true } : {}),
    ...defined('operation', text(members, 'operation')),
    ...defined('user', text(members, 'user')),
    ...defined('kind', text(members, 'kind')),
    ...defined('namespace', text(members, 'namespace')),
    ...defined('name', text(members, 'name')),
    ...defined('snapshot', text(members, 'snapshot')),
    ...defined('skipped', text(members, 'skipped')),
  };
}

function parseImage(members: Members): DecidedImage | undefined {
  const [field, image] = [text(members, 'field'), text(members, 'image')];
  if (field === undefined || image === undefined) return undefined;
  const policies = Array.isArray(members['policies']) ? members['policies'].filter(isText) : [];
  return {
    field,
    image,
    ...defined('digest', text(members, 'digest')),
    policies,
    ...defined('contract', text(members, 'contract')),
    ...(members['deferred'] === true ? { deferred: true } : {}),
  };
}

function parseReason(members: Members): DecisionReason | undefined {
  const [code, message] = [text(members, 'code'), text(members, 'message')];
  if (code === undefined || message === undefined) return undefined;
  return {
    code,
    message,
    ...defined('field', text(members, 'field')),
    ...defined('image', text(members, 'image')),
    ...defined('policy', text(members, 'policy')),
  };
}

function list<T>(value: unknown, parse: (members: Members) => T | undefined): readonly T[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const items = value.map((item) => parse(asRecord(item) ?? {})).filter((item) => item !== undefined);
  return items.length === value.length ? items : undefined;
}

function text(members: Members, key: string): string | undefined {
  const value = members[key];
  return isText(value) ? value : undefined;
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}
