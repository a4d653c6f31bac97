/**
 * What Tekton's runs refer to, read from the API server each time: a definition that was changed a moment ago must not be
 * taken for the old one. Whatever is read here is judged again on the Pod.
 */
import { CustomObjectsApi, type KubeConfig } from '@kubernetes/client-node';
import { failure } from '../../kernel/failure.ts';
import { fail, ok } from '../../kernel/result.ts';
import { asRecord } from '../../kernel/strict-json.ts';
import type { TektonDefinitions } from '../../ports/tekton-definitions.ts';
import { nameOf, type DefinitionKind } from '../../tekton/reference.ts';
import { boundedCall, type CallLimits } from './bounded-call.ts';

/** etcd takes no object above 1.5 MiB; early advice is not worth a longer wait. */
const definitionLimits: CallLimits = { deadlineMs: 3_000, maxBytes: 4 * 1024 * 1024 };

const resources: Readonly<Record<DefinitionKind, { readonly version: string; readonly plural: string }>> = {
  Task: { version: 'v1', plural: 'tasks' },
  Pipeline: { version: 'v1', plural: 'pipelines' },
  StepAction: { version: 'v1beta1', plural: 'stepactions' },
};

export function clusterTektonDefinitions(
  kubeConfig: KubeConfig,
  limits: CallLimits = definitionLimits,
): TektonDefinitions {
  const api = kubeConfig.makeApiClient(CustomObjectsApi);
  return {
    async read(reference, signal) {
      const { kind, namespace, name } = reference;
      const request = { group: 'tekton.dev', ...resources[kind], namespace, name };
      const answer = await boundedCall(
        `read ${nameOf(reference)}`,
        limits,
        // The answer of the API server to a GET of anything.
        (call): Promise<unknown> => api.getNamespacedCustomObject(request, call),
        signal,
      );
      if (!answer.ok) {
        const { status } = answer.failure;
        return fail(status === 404 ? failure('IMAGE_UNRESOLVED', `there is no ${nameOf(reference)}`) : answer.failure);
      }
      const spec = asRecord(asRecord(answer.value)?.['spec']);
      return spec === undefined ? fail(failure('IMAGE_UNRESOLVED', `${nameOf(reference)} has no spec`)) : ok(spec);
    },
  };
}
