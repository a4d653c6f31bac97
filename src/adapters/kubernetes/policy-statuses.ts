/** Writes the status of policies and trust roots, one merge patch each. It decides nothing. */
import { CustomObjectsApi, PatchStrategy, setHeaderOptions, type KubeConfig } from '@kubernetes/client-node';
import type { PolicyKind } from '../../ports/policy-objects.ts';
import type { PolicyStatuses, StatusWritten } from '../../ports/policy-statuses.ts';
import { boundedCall, usualLimits, type ApiFailure, type CallLimits } from './bounded-call.ts';

const version = 'v1alpha1';
const resources: Readonly<Record<PolicyKind, { readonly group: string; readonly plural: string }>> = {
  ClusterImagePolicy: { group: 'policy.sigstore.dev', plural: 'clusterimagepolicies' },
  ActionPolicy: { group: 'countersign.dev', plural: 'actionpolicies' },
  TrustRoot: { group: 'policy.sigstore.dev', plural: 'trustroots' },
};

export function clusterPolicyStatuses(kubeConfig: KubeConfig, limits: CallLimits = usualLimits): PolicyStatuses {
  const api = kubeConfig.makeApiClient(CustomObjectsApi);
  return {
    async write({ kind, name, resourceVersion }, status) {
      const written = await boundedCall(`write the status of ${kind} ${name}`, limits, (call) => {
        const options = setHeaderOptions('Content-Type', PatchStrategy.MergePatch, call);
        // With the version, the API server takes it for that version only: two writers cannot undo each other.
        const body = { metadata: { resourceVersion }, status };
        return api.patchClusterCustomObjectStatus({ ...resources[kind], version, name, body }, options);
      });
      return written.ok ? { kind: 'written' } : outcomeOf(written.failure);
    },
  };
}

function outcomeOf({ status, message: reason }: ApiFailure): StatusWritten {
  if (status === 409) return { kind: 'superseded' };
  const isForAll = status === undefined || status === 401 || status === 403 || status === 429 || status >= 500;
  return { kind: isForAll ? 'unavailable' : 'not-accepted', reason };
}
