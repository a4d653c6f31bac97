/** One entry of `spec.match`: a kind of object, and labels that it must have. */
import { defined } from '../kernel/defined.ts';
import type { FieldErrors } from './field-errors.ts';
import type { Fields } from './fields.ts';
import type { MatchRule } from './model.ts';

/** policy-controller's list and the other kinds that are judged here. */
const resources = new Set([
  'pods',
  'replicasets',
  'deployments',
  'statefulsets',
  'daemonsets',
  'jobs',
  'cronjobs',
  'replicationcontrollers',
  'podtemplates',
  'tasks',
  'taskruns',
  'pipelines',
  'pipelineruns',
]);

export function parseMatchRule(entry: Fields, errors: FieldErrors): MatchRule {
  const group = entry.text('group');
  const version = entry.filled('version');
  const resource = entry.filled('resource');
  if (resource !== undefined && !resources.has(resource)) {
    errors.invalid(resource, entry.at('resource'), 'unsupported resource name');
  }
  const selector = entry.object('selector');
  if (selector !== undefined && [group, version, resource].every((member) => member === undefined)) {
    errors.invalid('', entry.at('selector'), 'selector requires a resource type to match the labels');
  }
  return {
    ...defined('group', group),
    ...defined('version', version),
    ...defined('resource', resource),
    ...defined('selector', selector === undefined ? undefined : readSelector(selector, errors)),
  };
}

const operators = ['In', 'NotIn', 'Exists', 'DoesNotExist'] as const;

function readSelector(selector: Fields, errors: FieldErrors): NonNullable<MatchRule['selector']> {
  const matchLabels = selector.labels('matchLabels');
  const matchExpressions = selector.objects('matchExpressions', (entry) => {
    const key = entry.filled('key') ?? '';
    if (key === '') errors.missing(entry.at('key'));
    const written = entry.filled('operator');
    const operator = operators.find((candidate) => candidate === written);
    if (operator === undefined) errors.invalid(written, entry.at('operator'), `expected ${operators.join(', ')}`);
    const values = entry.texts('values');
    const needsValues = operator === 'In' || operator === 'NotIn';
    if (needsValues && values.length === 0) errors.missing(entry.at('values'));
    if (!needsValues && values.length > 0) errors.forbidden(entry.at('values'));
    return { key, operator: operator ?? 'Exists', values };
  });
  selector.end();
  return { matchLabels, matchExpressions };
}
