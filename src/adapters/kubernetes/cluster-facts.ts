/** What the API server knows about itself, definitions, registrations and rights. Reads only. */
import {
  ApiextensionsV1Api,
  AuthorizationV1Api,
  VersionApi,
  type KubeConfig,
  type V1CustomResourceDefinition,
} from '@kubernetes/client-node';
import { defined } from '../../kernel/defined.ts';
import { ok, type Result } from '../../kernel/result.ts';
import { asRecord } from '../../kernel/strict-json.ts';
import type { ClusterFacts, DefinitionFacts, RegistrationFacts, Right } from '../../ports/cluster-facts.ts';
import type { WebhookConfiguration } from '../../ports/webhook-configurations.ts';
import { boundedCall, type ApiFailure, type CallLimits } from './bounded-call.ts';
import { webhookConfigurations } from './webhook-configurations.ts';

/** A definition's schema may be long; it is etcd that sets the limit. */
const limits: CallLimits = { deadlineMs: 10_000, maxBytes: 4 * 1024 * 1024 };

export function clusterFacts(kubeConfig: KubeConfig): ClusterFacts {
  const versions = kubeConfig.makeApiClient(VersionApi);
  const extensions = kubeConfig.makeApiClient(ApiextensionsV1Api);
  const authorization = kubeConfig.makeApiClient(AuthorizationV1Api);

  async function definition(name: string): Promise<Result<readonly DefinitionFacts[], ApiFailure>> {
    const answer = await boundedCall(`read CustomResourceDefinition ${name}`, limits, (call) =>
      extensions.readCustomResourceDefinition({ name }, call),
    );
    if (answer.ok) return ok([factsOf(name, answer.value)]);
    return answer.failure.status === 404 ? ok([]) : answer;
  }

  async function isMissing({ verb, group, resource, namespace }: Right): Promise<Result<boolean>> {
    const resourceAttributes = { verb, group, resource, ...defined('namespace', namespace) };
    const body = {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SelfSubjectAccessReview',
      spec: { resourceAttributes },
    };
    const answer = await boundedCall(`ask for the right to ${verb} ${resource}`, limits, (call) =>
      authorization.createSelfSubjectAccessReview({ body }, call),
    );
    return answer.ok ? ok(answer.value.status?.allowed !== true) : answer;
  }

  return {
    async version() {
      const answer = await boundedCall('read the version of the API server', limits, (call) =>
        versions.getCode({}, call),
      );
      return answer.ok ? ok(answer.value.gitVersion) : answer;
    },

    async definitions(names) {
      const found: DefinitionFacts[] = [];
      for (const answer of await Promise.all(names.map((name) => definition(name)))) {
        if (!answer.ok) return answer;
        found.push(...answer.value);
      }
      return ok(found);
    },

    async registrations(names) {
      const read = await webhookConfigurations(kubeConfig, names).read();
      return read.ok ? ok(read.value.map((configuration) => registrationOf(configuration))) : read;
    },

    async missingRights(rights) {
      const missing: Right[] = [];
      const answers = await Promise.all(rights.map((right) => isMissing(right)));
      for (const [at, answer] of answers.entries()) {
        if (!answer.ok) return answer;
        const right = rights[at];
        if (answer.value && right !== undefined) missing.push(right);
      }
      return ok(missing);
    },
  };
}

function factsOf(name: string, { metadata, spec }: V1CustomResourceDefinition): DefinitionFacts {
  const { labels = {}, annotations = {} } = metadata ?? {};
  const versions = spec.versions.filter(({ served }) => served).map((it) => it.name);
  const converted = spec.conversion?.strategy === 'Webhook' ? ({ isConverted: true } as const) : {};
  return { name, labels, annotations, versions, scope: spec.scope, ...converted };
}

/** Of the first webhook in it; ours has one. */
function registrationOf({ kind, name, document }: WebhookConfiguration): RegistrationFacts {
  const { webhooks } = asRecord(document) ?? {};
  const first: unknown = Array.isArray(webhooks) ? webhooks[0] : undefined;
  const service = asRecord(asRecord(asRecord(first)?.['clientConfig'])?.['service']);
  const namespace = service?.['namespace'];
  return { kind, name, namespace: typeof namespace === 'string' ? namespace : undefined };
}
