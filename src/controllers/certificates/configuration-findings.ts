/**
 * What in a webhook configuration is weaker than the gate needs. The manifests say everything; this knows only what must
 * be so for a refusal to be one. Overlays may ask for more, so that differences as such are no findings.
 */
import type { PatchOperation } from '../../kernel/json-patch.ts';
import { quoted } from '../../kernel/failure.ts';
import { asRecord } from '../../kernel/strict-json.ts';

type Members = Readonly<Record<string, unknown>>;

export interface Finding {
  /** Completes "webhook NAME …". */
  readonly says: string;
  /** How it becomes as it is shipped, where that is one value. */
  readonly repair?: PatchOperation;
}

/** The shipped conditions, with single spaces; others may leave out anything. */
const shippedConditions: ReadonlySet<string> = new Set([
  "request.operation != 'UPDATE' || (has(request.subResource) && request.subResource == 'resize') || " +
    "request.resource.group == 'tekton.dev' || " +
    '!has(object.spec) || !has(oldObject.spec) || object.spec != oldObject.spec',
]);

/** What nobody gets around: everything else comes down to Pods. */
const demanded = [
  { resource: 'pods', operations: ['CREATE', 'UPDATE'] },
  { resource: 'pods/ephemeralcontainers', operations: ['UPDATE'] },
] as const;

/** `at`: the place of the webhook in its configuration. */
export function gateFindings(webhook: Members, at: number, namespace: string): readonly Finding[] {
  const repair = (member: string, value: unknown): PatchOperation => {
    return { op: 'add', path: `/webhooks/${at}/${member}`, value };
  };
  return [
    ...scalarFindings(webhook, repair),
    ...selectorFindings(asRecord(webhook['namespaceSelector']), namespace),
    ...conditionFindings(webhook['matchConditions']),
    ...ruleFindings(webhook['rules']),
  ];
}

function scalarFindings(
  webhook: Members,
  repair: (member: string, value: unknown) => PatchOperation,
): readonly Finding[] {
  const { failurePolicy, matchPolicy, timeoutSeconds, objectSelector } = webhook;
  const findings: Finding[] = [];
  if (failurePolicy !== 'Fail')
    findings.push({
      says: 'lets everything in while Countersign does not answer: failurePolicy is not Fail',
      repair: repair('failurePolicy', 'Fail'),
    });
  if (matchPolicy !== 'Equivalent')
    findings.push({
      says: 'is not asked about other versions of an API: matchPolicy is not Equivalent',
      repair: repair('matchPolicy', 'Equivalent'),
    });
  if (typeof timeoutSeconds !== 'number' || timeoutSeconds < 5)
    findings.push({
      says: 'has no time to ask a registry: timeoutSeconds is below 5',
      repair: repair('timeoutSeconds', 10),
    });
  if (Object.values(asRecord(objectSelector) ?? {}).some((part) => !isEmpty(part)))
    findings.push({
      says: 'is evaded by whoever sets the labels of objects: objectSelector is not empty',
      repair: repair('objectSelector', {}),
    });
  return findings;
}

function isEmpty(value: unknown): boolean {
  return Array.isArray(value) ? value.length === 0 : Object.keys(asRecord(value) ?? {}).length === 0;
}

function selectorFindings(selector: Members | undefined, own: string): readonly Finding[] {
  const included = { 'policy.sigstore.dev/include': 'true' };
  const named = (name: string): Readonly<Record<string, string>> => {
    return { ...included, 'kubernetes.io/metadata.name': name };
  };
  const findings: Finding[] = [];
  if (!selects(selector, named('some-namespace')))
    findings.push({ says: 'is not asked about namespaces that have opted in: namespaceSelector leaves them out' });
  for (const name of ['kube-system', own]) {
    if (selects(selector, named(name)))
      findings.push({ says: `can keep namespace ${name} from starting: namespaceSelector does not leave it out` });
  }
  return findings;
}

/** meta/v1 LabelSelector; what it does not know selects nothing. */
function selects(selector: Members | undefined, labels: Readonly<Record<string, string>>): boolean {
  const equal = Object.entries(asRecord(selector?.['matchLabels']) ?? {});
  const expressions: readonly unknown[] = Array.isArray(selector?.['matchExpressions'])
    ? selector['matchExpressions']
    : [];
  return (
    equal.every(([key, value]) => labels[key] === value) &&
    expressions.every((expression) => holds(asRecord(expression) ?? {}, labels))
  );
}

function holds({ key, operator, values }: Members, labels: Readonly<Record<string, string>>): boolean {
  const value = typeof key === 'string' ? labels[key] : undefined;
  const isListed = Array.isArray(values) && values.includes(value);
  switch (operator) {
    case 'In':
      return value !== undefined && isListed;
    case 'NotIn':
      return value === undefined || !isListed;
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    default:
      return false;
  }
}

function conditionFindings(conditions: unknown): readonly Finding[] {
  const all: readonly unknown[] = Array.isArray(conditions) ? conditions : [];
  return all.flatMap((condition): readonly Finding[] => {
    const { name, expression } = asRecord(condition) ?? {};
    const text = typeof expression === 'string' ? expression.trim().replaceAll(/\s+/g, ' ') : '';
    if (shippedConditions.has(text)) return [];
    const title = typeof name === 'string' ? quoted(name, 64) : '';
    return [
      { says: `is asked about less than is shipped: matchConditions has "${title}", which is not Countersign's` },
    ];
  });
}

function ruleFindings(rules: unknown): readonly Finding[] {
  const all = (Array.isArray(rules) ? (rules as readonly unknown[]) : []).map((rule) => asRecord(rule) ?? {});
  return demanded.flatMap(({ resource, operations }): readonly Finding[] => {
    const missing = operations.filter((operation) => !all.some((rule) => covers(rule, resource, operation)));
    return missing.length === 0 ? [] : [{ says: `is not asked about ${missing.join(' and ')} of ${resource}: rules` }];
  });
}

function covers(rule: Members, resource: string, operation: string): boolean {
  const subresources = resource.includes('/') ? ['pods/*', '*/*', '*/ephemeralcontainers'] : ['*', '*/*'];
  return (
    lists(rule['apiGroups'], ['', '*']) &&
    lists(rule['apiVersions'], ['v1', '*']) &&
    lists(rule['operations'], [operation, '*']) &&
    lists(rule['resources'], [resource, ...subresources]) &&
    rule['scope'] !== 'Cluster'
  );
}

function lists(list: unknown, wanted: readonly string[]): boolean {
  return Array.isArray(list) && list.some((item) => wanted.includes(item));
}
