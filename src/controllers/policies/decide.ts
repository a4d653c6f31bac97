/**
 * What the status of a policy or trust root should say, and who should be told: from what it says and what came of it to
 * what is to be written. Nothing when all of it is there already, so that a restart or another replica writes nothing. Pure.
 */
import { defined } from '../../kernel/defined.ts';
import { asRecord } from '../../kernel/strict-json.ts';
import type { ClusterEvent } from '../../ports/events.ts';
import type { PolicyKind, PolicyObject } from '../../ports/policy-objects.ts';
import type { Condition, PolicyStatus } from '../../ports/policy-statuses.ts';
import { conditionTypes } from './condition.ts';
import { conditionsOf, type Judging } from './conditions.ts';

export interface Circumstances {
  readonly judging: Judging;
  readonly now: Date;
  /** Running images that each policy matches, by kind/name; absent: nobody has counted. */
  readonly matched?: ReadonlyMap<string, number>;
}

/** What has to be written about one object. */
export interface Change {
  readonly kind: PolicyKind;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly status: PolicyStatus;
  /** To be told once the status is written; it keeps them from being told again. */
  readonly events: readonly ClusterEvent[];
  /** Something does not work, so that it goes before what does. */
  readonly isUrgent: boolean;
}

/** A count is written at most this often, and only when it is another one. */
const matchedMs = 10 * 60_000;

export function decide(policy: PolicyObject, { judging, now, matched }: Circumstances): Change | undefined {
  const known = readObject(policy.object);
  const wanted = conditionsOf(policy, judging, now);
  const count = newCount(known.matched, matched?.get(`${policy.kind}/${policy.name}`), now);
  const isCurrent = known.observedGeneration === known.generation;
  if (isCurrent && count === undefined && saysAll(known.conditions, wanted)) return undefined;
  const { kind, name } = policy;
  const { uid, resourceVersion, generation } = known;
  const news = wanted.filter((one) => !isCurrent || known.conditions.get(one.type)?.['reason'] !== one.reason);
  return {
    kind,
    name,
    uid,
    resourceVersion,
    status: {
      observedGeneration: generation,
      conditions: [...foreign(known.conditions), ...wanted.map((one) => dated(one, known.conditions, now))],
      ...defined('matched', count),
    },
    events: news.flatMap((one) => eventOf(policy, uid, generation, one)),
    isUrgent: wanted.some(({ type, status }) => type === 'Ready' && status !== 'True'),
  };
}

type Members = Readonly<Record<string, unknown>>;

interface KnownObject {
  readonly uid: string;
  readonly resourceVersion: string;
  readonly generation: number;
  readonly observedGeneration: unknown;
  readonly conditions: ReadonlyMap<string, Members>;
  readonly matched: Members | undefined;
}

function readObject(object: unknown): KnownObject {
  const record = asRecord(object);
  const metadata = asRecord(record?.['metadata']);
  const status = asRecord(record?.['status']);
  const text = (value: unknown): string => (typeof value === 'string' ? value : '');
  const { generation } = metadata ?? {};
  const listed: readonly unknown[] = Array.isArray(status?.['conditions']) ? status['conditions'] : [];
  const conditions = listed.map((one) => asRecord(one) ?? {});
  return {
    uid: text(metadata?.['uid']),
    resourceVersion: text(metadata?.['resourceVersion']),
    generation: typeof generation === 'number' ? generation : 0,
    observedGeneration: status?.['observedGeneration'],
    conditions: new Map(conditions.map((one) => [text(one['type']), one])),
    matched: asRecord(status?.['matched']),
  };
}

function saysAll(known: KnownObject['conditions'], wanted: readonly Condition[]): boolean {
  const own = conditionTypes.filter((type) => known.has(type));
  return own.length === wanted.length && wanted.every((one) => isSame(one, known.get(one.type)));
}

function isSame(wanted: Condition, known: Members | undefined): boolean {
  return Object.entries(wanted).every(([name, value]) => known?.[name] === value);
}

/** Conditions of another controller stay: a list in a status is replaced as a whole. */
function foreign(known: KnownObject['conditions']): PolicyStatus['conditions'] {
  const own: ReadonlySet<string> = new Set(conditionTypes);
  // As the API server has them, which has checked them against the schema.
  return [...known]
    .filter(([type]) => !own.has(type))
    .map(([, one]) => one as unknown as PolicyStatus['conditions'][0]);
}

function dated(wanted: Condition, known: KnownObject['conditions'], now: Date): PolicyStatus['conditions'][0] {
  const before = known.get(wanted.type);
  const since = before?.['status'] === wanted.status ? before['lastTransitionTime'] : undefined;
  return { ...wanted, lastTransitionTime: typeof since === 'string' ? since : secondsOf(now) };
}

function newCount(known: Members | undefined, images: number | undefined, now: Date): PolicyStatus['matched'] {
  if (images === undefined || known?.['images'] === images) return undefined;
  const before = Date.parse(String(known?.['observedAt']));
  // An unreadable time is none.
  return now.getTime() - before < matchedMs ? undefined : { images, observedAt: secondsOf(now) };
}

/** meta/v1 Time. */
function secondsOf(time: Date): string {
  return `${time.toISOString().slice(0, 19)}Z`;
}

/** Reasons that somebody should act on, and what their events are called. */
const eventReasons: ReadonlyMap<string, string> = new Map([
  ['Invalid', 'PolicyInvalid'],
  ['NeverMatches', 'PolicyNeverMatches'],
  ['KeysMissing', 'PolicyKeysMissing'],
  ['PoliciesMissing', 'PolicyCodeMissing'],
  ['TrustRootMissing', 'TrustRootMissing'],
  ['TrustRootNotReady', 'TrustRootNotReady'],
  ['NotRead', 'TrustRootNotRead'],
  ['NotRefreshed', 'NotRefreshed'],
]);

const apiVersions: Readonly<Record<PolicyKind, string>> = {
  ClusterImagePolicy: 'policy.sigstore.dev/v1alpha1',
  ActionPolicy: 'countersign.dev/v1alpha1',
  TrustRoot: 'policy.sigstore.dev/v1alpha1',
};

function eventOf(
  { kind, name }: PolicyObject,
  uid: string,
  generation: number,
  one: Condition,
): readonly ClusterEvent[] {
  const reason = eventReasons.get(one.reason);
  // The other conditions say in part what these two say in full.
  if (reason === undefined || (one.type !== 'Ready' && one.type !== 'Matchable')) return [];
  const about = { apiVersion: apiVersions[kind], kind, name, ...defined('uid', uid === '' ? undefined : uid) };
  return [{ about, type: 'Warning', reason, message: one.message, key: `generation ${generation}` }];
}
