/** Reports as the API server has them. Both kinds name the members that matter here alike. */
import { defined } from '../../kernel/defined.ts';
import { asRecord } from '../../kernel/strict-json.ts';
import type { PodReference, Report, ReportResult, ResultKind, StoredReport } from '../../ports/policy-reports.ts';

export interface Kind {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  /** Members that this kind has of its own. */
  readonly members: object;
}

/** The first that is served. */
export const kinds: readonly Kind[] = [
  {
    group: 'openreports.io',
    version: 'v1alpha1',
    plural: 'reports',
    kind: 'Report',
    members: { source: 'countersign' },
  },
  { group: 'wgpolicyk8s.io', version: 'v1alpha2', plural: 'policyreports', kind: 'PolicyReport', members: {} },
];

export const name = 'countersign';
const labels = {
  'app.kubernetes.io/managed-by': 'countersign',
  'app.kubernetes.io/name': 'countersign',
  'app.kubernetes.io/part-of': 'countersign',
};
export const ours = 'app.kubernetes.io/managed-by=countersign';
const leftOutAnnotation = 'countersign.dev/results-left-out';

export function documentOf(
  { group, version: apiVersion, kind, members }: Kind,
  namespace: string,
  { summary, results, leftOut }: Report,
  { version, owner }: { readonly version: string | undefined; readonly owner: object | undefined },
): object {
  return {
    apiVersion: `${group}/${apiVersion}`,
    kind,
    metadata: {
      name,
      namespace,
      labels,
      ...defined('resourceVersion', version),
      ...defined('ownerReferences', owner === undefined ? undefined : [owner]),
      ...(leftOut === 0 ? {} : { annotations: { [leftOutAnnotation]: String(leftOut) } }),
    },
    ...members,
    scope: { apiVersion: 'v1', kind: 'Namespace', name: namespace },
    summary,
    results,
  };
}

export function storedReport(document: unknown): StoredReport {
  const record = asRecord(document) ?? {};
  const metadata = asRecord(record['metadata']) ?? {};
  const isOurs = asRecord(metadata['labels'])?.['app.kubernetes.io/managed-by'] === 'countersign';
  if (!isOurs) return { kind: 'foreign' };
  const { resourceVersion } = metadata;
  const results: readonly unknown[] = Array.isArray(record['results']) ? record['results'] : [];
  const summary = asRecord(record['summary']) ?? {};
  const count = (member: string): number => (typeof summary[member] === 'number' ? summary[member] : 0);
  const leftOut = Number(asRecord(metadata['annotations'])?.[leftOutAnnotation] ?? 0);
  return {
    kind: 'ours',
    version: typeof resourceVersion === 'string' ? resourceVersion : '',
    report: {
      summary: {
        pass: count('pass'),
        fail: count('fail'),
        warn: count('warn'),
        error: count('error'),
        skip: count('skip'),
      },
      results: results.flatMap(resultOf),
      leftOut,
    },
  };
}

/** What cannot be read is not ours to keep: it is written anew. */
function resultOf(value: unknown): readonly ReportResult[] {
  const record = asRecord(value) ?? {};
  const { policy, rule, message } = record;
  const result = resultKinds.find((one) => one === record['result']);
  const seconds = asRecord(record['timestamp'])?.['seconds'];
  const pod = podOf(record['resources']);
  const isComplete = typeof policy === 'string' && typeof message === 'string' && typeof seconds === 'number';
  if (!isComplete || result === undefined || pod === undefined) return [];
  return [
    {
      source: 'countersign',
      policy,
      ...defined('rule', typeof rule === 'string' ? rule : undefined),
      result,
      message,
      timestamp: { seconds, nanos: 0 },
      resources: [pod],
      properties: textsOf(record['properties']),
    },
  ];
}

const resultKinds: readonly ResultKind[] = ['pass', 'fail', 'warn', 'error', 'skip'];

function podOf(resources: unknown): PodReference | undefined {
  const [only]: readonly unknown[] = Array.isArray(resources) ? resources : [];
  const { namespace, name: podName, uid } = asRecord(only) ?? {};
  if (typeof namespace !== 'string' || typeof podName !== 'string' || typeof uid !== 'string') return undefined;
  return { apiVersion: 'v1', kind: 'Pod', namespace, name: podName, uid };
}

function textsOf(properties: unknown): Readonly<Record<string, string>> {
  const entries = Object.entries(asRecord(properties) ?? {});
  return Object.fromEntries(entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
}
