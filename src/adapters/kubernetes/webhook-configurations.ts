/** Webhook configurations by name, through the API server; every write names the version that it changes. */
import {
  AdmissionregistrationV1Api,
  PatchStrategy,
  setHeaderOptions,
  type ConfigurationOptions,
  type KubeConfig,
} from '@kubernetes/client-node';
import { fail, ok, type Result } from '../../kernel/result.ts';
import { asRecord } from '../../kernel/strict-json.ts';
import type {
  ConfigurationName,
  WebhookConfiguration,
  WebhookConfigurations,
} from '../../ports/webhook-configurations.ts';
import { boundedCall, type ApiFailure, type CallLimits } from './bounded-call.ts';

const limits: CallLimits = { deadlineMs: 5_000, maxBytes: 4 * 1024 * 1024 };

export function webhookConfigurations(
  kubeConfig: KubeConfig,
  names: readonly ConfigurationName[],
): WebhookConfigurations {
  const api = kubeConfig.makeApiClient(AdmissionregistrationV1Api);

  async function readOne(name: ConfigurationName): Promise<Result<readonly WebhookConfiguration[], ApiFailure>> {
    const answer = await boundedCall<unknown>(`read ${titleOf(name)}`, limits, (call) =>
      name.kind === 'MutatingWebhookConfiguration'
        ? api.readMutatingWebhookConfiguration(name, call)
        : api.readValidatingWebhookConfiguration(name, call),
    );
    if (!answer.ok) return answer.failure.status === 404 ? ok([]) : answer;
    const { resourceVersion, uid } = asRecord(asRecord(answer.value)?.['metadata']) ?? {};
    return ok([{ ...name, version: text(resourceVersion), uid: text(uid), document: answer.value }]);
  }

  return {
    async read() {
      const found: WebhookConfiguration[] = [];
      for (const answer of await Promise.all(names.map((name) => readOne(name)))) {
        if (!answer.ok) return answer;
        found.push(...answer.value);
      }
      return ok(found);
    },

    async patch({ kind, name, version }, operations) {
      // RFC 6902: when the test fails, nothing is changed.
      const test = { op: 'test', path: '/metadata/resourceVersion', value: version };
      const request = { name, body: [test, ...operations] };
      const answer = await boundedCall<unknown>(`write ${titleOf({ kind, name })}`, limits, (call) => {
        const options: ConfigurationOptions = setHeaderOptions('Content-Type', PatchStrategy.JsonPatch, call);
        return kind === 'MutatingWebhookConfiguration'
          ? api.patchMutatingWebhookConfiguration(request, options)
          : api.patchValidatingWebhookConfiguration(request, options);
      });
      if (answer.ok) return ok(true);
      const { status } = answer.failure;
      // 422 is the answer to a test that fails, 404 to a configuration that is gone.
      return status === 422 || status === 409 || status === 404 ? ok(false) : fail(answer.failure);
    },
  };
}

function titleOf({ kind, name }: ConfigurationName): string {
  return `${kind} ${name}`;
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
