/**
 * A Pod whose volumes cannot be mounted: of all troubles the one that is told in events alone, while its status says nothing
 * but ContainerCreating. Pure.
 */
import { quoted } from '../kernel/failure.ts';
import type { PodWaiting } from './pod-trouble.ts';
import { Seen } from './seen.ts';

/** It has a node, and its volumes are not mounted yet, as far as that is said: then its events are worth a question. */
export function isMounting(pod: { readonly [member: string]: unknown }): boolean {
  const status = new Seen(pod['status']);
  const containers = [...status.list('initContainerStatuses'), ...status.list('containerStatuses')];
  const hasBegun = containers.some((one) => new Seen(one.raw('state')).raw('waiting') === undefined);
  const isTrue = (type: string): boolean =>
    status.list('conditions').some((one) => one.text('type') === type && one.text('status') === 'True');
  // KEP-3085: volumes come before the sandbox. Older kubelets do not say it.
  const isMounted = hasBegun || isTrue('PodReadyToStartContainers');
  return status.text('phase') === 'Pending' && isTrue('PodScheduled') && !isMounted;
}

const reason = 'FailedMount';
/** kubernetes pkg/volume/{secret,configmap} */
const missing = /(?:secret|configmap) "[^"]*" not found|references non-existent/;

/** What an event of such a Pod says; undefined: nothing of its volumes. */
export function mountTrouble(
  warning: { readonly reason: string; readonly message: string } | undefined,
): PodWaiting | undefined {
  if (warning?.reason !== reason) return undefined;
  const message = quoted(warning.message, 1_024);
  return { for: 'configuration', reason, message, isPassing: !missing.test(message) };
}
