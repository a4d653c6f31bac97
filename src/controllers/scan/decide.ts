/**
 * From what was found about the Pods of a namespace to its report: what could not be established leaves what was known
 * before, what has not changed keeps its time, and what there is no room for is counted.
 */
import { defined } from '../../kernel/defined.ts';
import { stableJson } from '../../kernel/stable-json.ts';
import type { PodReference, Report, ReportResult, ReportSummary, ResultKind } from '../../ports/policy-reports.ts';

/** What one policy says of one image of a Pod, or of the Pod as a whole. */
export interface Finding {
  readonly policy: string;
  /** Why it does not pass. */
  readonly code?: string;
  readonly result: ResultKind;
  readonly message: string;
  /** Absent: it is about the Pod. */
  readonly image?: string;
  readonly digest?: string;
  readonly field?: string;
  /** Of a policy that only watches. */
  readonly onlyWatched?: true;
}

export interface ReportLimits {
  readonly results: number;
  /** Of the results as JSON. */
  readonly bytes: number;
}

/** etcd takes objects of 1.5 MiB, and whoever shows reports has to hold them all. */
const reportLimits: ReportLimits = { results: 1_000, bytes: 512 * 1024 };

export interface ReportWriter {
  add(pod: PodReference, findings: readonly Finding[]): void;
  /** Undefined: there is nothing to report. */
  report(): Report | undefined;
}

/** Holds a bounded number of results, however many Pods there are. `earlier`: what the report says now. */
export function reportWriter(now: Date, earlier: Report | undefined, limits = reportLimits): ReportWriter {
  const confirmed = (earlier?.results ?? []).map(withoutDoubt);
  const before = Map.groupBy(confirmed, ({ resources }) => resources[0]?.uid ?? '');
  const counts = { pass: 0, fail: 0, warn: 0, error: 0, skip: 0 };
  let kept: ReportResult[] = [];

  return {
    add(pod, findings) {
      const known = before.get(pod.uid) ?? [];
      const results = findings.flatMap((finding) => resultsOf(finding, pod, known, now));
      for (const result of unique(results)) {
        counts[result.result] += 1;
        kept.push(result);
      }
      if (kept.length > 4 * limits.results) kept = kept.sort(inOrder).slice(0, limits.results);
    },
    report() {
      const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
      if (total === 0) return undefined;
      const results = withinLimits(kept.sort(inOrder), limits);
      return { summary: { ...counts }, results, leftOut: total - results.length };
    },
  };
}

/** Whether writing it would change anything. */
export function saysTheSame(stored: Report, wanted: Report): boolean {
  return stableJson(stored) === stableJson(wanted);
}

export const noSummary: ReportSummary = { pass: 0, fail: 0, warn: 0, error: 0, skip: 0 };

export function added(a: ReportSummary, b: ReportSummary): ReportSummary {
  return {
    pass: a.pass + b.pass,
    fail: a.fail + b.fail,
    warn: a.warn + b.warn,
    error: a.error + b.error,
    skip: a.skip + b.skip,
  };
}

function resultsOf(
  finding: Finding,
  pod: PodReference,
  known: readonly ReportResult[],
  now: Date,
): readonly ReportResult[] {
  if (finding.result === 'error') {
    const kept = known.filter((result) => result.result !== 'error' && isAbout(result, finding));
    // What was established once is not taken back because a registry is away today.
    if (kept.length > 0) return kept.map((result) => unconfirmed(result, finding.code ?? ''));
  }
  const made = resultOf(finding, pod, now);
  const same = known.find((result) => stableJson(timeless(result)) === stableJson(timeless(made)));
  return [same ?? made];
}

/** What could not be found out may be about one policy, one image, or the whole Pod. */
function isAbout({ policy, properties }: ReportResult, finding: Finding): boolean {
  const { image } = finding;
  if (image === undefined) return true;
  const known = properties['image'] ?? '';
  // What was pinned before may have nothing but its tag while the registry is away.
  return policy === finding.policy && (known === image || known.startsWith(`${image}@`));
}

function withoutDoubt(result: ReportResult): ReportResult {
  const { unconfirmed: _doubt, ...properties } = result.properties;
  return { ...result, properties };
}

function unconfirmed(result: ReportResult, code: string): ReportResult {
  return { ...result, properties: { ...result.properties, unconfirmed: code } };
}

function timeless(result: ReportResult): unknown {
  return { ...result, timestamp: undefined };
}

const maxMessage = 1_024;

function resultOf(finding: Finding, pod: PodReference, now: Date): ReportResult {
  const { policy, code, result, message, image, digest, field, onlyWatched } = finding;
  return {
    source: 'countersign',
    policy,
    ...defined('rule', code),
    result,
    message: message.slice(0, maxMessage),
    timestamp: { seconds: Math.floor(now.getTime() / 1_000), nanos: 0 },
    resources: [pod],
    properties: {
      ...defined('image', image),
      ...defined('digest', digest),
      ...defined('field', field),
      ...defined('mode', onlyWatched === undefined ? undefined : 'audit'),
    },
  };
}

function unique(results: readonly ReportResult[]): readonly ReportResult[] {
  return [...new Map(results.map((result) => [stableJson(result), result])).values()];
}

/** What somebody has to look at comes first, and is what stays when there is no room for all. */
const ranks: readonly ResultKind[] = ['fail', 'error', 'warn', 'skip', 'pass'];

function inOrder(a: ReportResult, b: ReportResult): number {
  return ranks.indexOf(a.result) - ranks.indexOf(b.result) || byText(sortKey(a), sortKey(b));
}

function sortKey({ resources, policy, rule = '', message, properties }: ReportResult): string {
  const { name = '', uid = '' } = resources[0] ?? {};
  return [name, uid, properties['image'] ?? '', policy, rule, properties['field'] ?? '', message].join('\u0000');
}

function byText(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

function withinLimits(sorted: readonly ReportResult[], limits: ReportLimits): readonly ReportResult[] {
  let bytes = 0;
  const end = sorted.findIndex((result, index) => {
    bytes += Buffer.byteLength(JSON.stringify(result)) + 1;
    return index >= limits.results || bytes > limits.bytes;
  });
  return end === -1 ? sorted : sorted.slice(0, end);
}
