/**
 * Labels by which Services, Deployments, Jobs and we ourselves find Pods. An Agent that could set them would put its Pods
 * behind the Service of another Agent, or have them taken for its.
 */
import { quoted } from '../kernel/failure.ts';

const prefixes = ['kubeopencode.io/', 'kubetask.io/', 'countersign.dev/', 'batch.kubernetes.io/'] as const;
const keys: ReadonlySet<string> = new Set([
  ...['name', 'instance', 'component', 'managed-by'].map((part) => `app.kubernetes.io/${part}`),
  // By these Jobs found their Pods before they had a prefix, and still do where they are that old.
  'controller-uid',
  'job-name',
]);

function isReservedLabel(key: string): boolean {
  return keys.has(key) || prefixes.some((prefix) => key.startsWith(prefix));
}

export function reservedLabelProblem(key: string): string | undefined {
  if (!isReservedLabel(key)) return undefined;
  return `has ${quoted(key, 80)}, by which Pods are found; leave it out, or take a label of your own`;
}
