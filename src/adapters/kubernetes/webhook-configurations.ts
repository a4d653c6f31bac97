/** Webhook configurations by name, through the API server; every write names the version that it changes. */
import {
  AdmissionregistrationV1Api,
  ApiextensionsV1Api,
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
  const definitions = kubeConfig.makeApiClient(ApiextensionsV1Api);

  function get(name: ConfigurationName, call: ConfigurationOptions): Promise<unknown> {
    switch (name.kind) {
      case 'MutatingWebhookConfiguration':
        return api.readMutatingWebhookConfiguration(name, call);
      case 'ValidatingWebhookConfiguration':
        return api.readValidatingWebhookConfiguration(name, call);
      case 'CustomResourceDefinition':
        return definitions.readCustomResourceDefinition(name, call);
    }
  }

  function write(
    kind: ConfigurationName['kind'],
    request: { readonly name: string; readonly body: unknown },
    options: ConfigurationOptions,
  ): Promise<unknown> {
    switch (kind) {
      case 'MutatingWebhookConfiguration':
        return api.patchMutatingWebhookConfiguration(request, options);
      case 'ValidatingWebhookConfiguration':
        return api.patchValidatingWebhookConfiguration(request, options);
      case 'CustomResourceDefinition':
        return definitions.patchCustomResourceDefinition(request, options);
    }
  }

  async function readOne(name: ConfigurationName): Promise<Result<readonly WebhookConfiguration[], ApiFailure>> {
    const answer = await boundedCall<unknown>(`read ${titleOf(name)}`, limits, (call) => get(name, call));
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
      const answer = await boundedCall<unknown>(`write ${titleOf({ kind, name })}`, limits, (call) =>
        write(kind, request, setHeaderOptions('Content-Type', PatchStrategy.JsonPatch, call)),
      );
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
