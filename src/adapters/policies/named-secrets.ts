/**
 * The Secrets that policies name, one by one: permission to list Secrets is not asked for. A Secret that is gone is gone;
 * one that cannot be read is a problem over its last good version.
 */
import { CoreV1Api, type KubeConfig } from '@kubernetes/client-node';
import { asRecord } from '../../kernel/strict-json.ts';
import { secretData, type PolicyDocument } from '../../policy/parse-documents.ts';
import { boundedCall, type ApiFailure, type CallLimits } from '../kubernetes/bounded-call.ts';
import type { Source } from './last-good.ts';

/** Gives a function that reads Secrets by name: one source per name, without a document when there is no such Secret. */
export function secretReader(
  kubeConfig: KubeConfig,
  namespace: string,
  limits: CallLimits,
): (names: readonly string[]) => Promise<readonly Source[]> {
  const api = kubeConfig.makeApiClient(CoreV1Api);

  async function readOne(name: string): Promise<readonly PolicyDocument[] | ApiFailure> {
    const answer = await boundedCall(`read Secret ${namespace}/${name}`, limits, (options) =>
      api.readNamespacedSecret({ namespace, name }, options),
    );
    if (!answer.ok) return answer.failure.status === 404 ? [] : answer.failure;
    const data = secretData(asRecord(answer.value) ?? {});
    if (data === undefined) return [broken(name, 'data is not a map of base64 texts')];
    return [{ kind: 'secret', where: `Secret ${namespace}/${name}`, name, data }];
  }

  function broken(name: string, message: string): PolicyDocument {
    return { kind: 'problem', where: `Secret ${namespace}/${name}`, of: `Secret/${name}`, messages: [message] };
  }

  return async (names) => {
    const sources: Source[] = [];
    // When the API server does not answer for one, the others are not waited for.
    let away: ApiFailure | undefined;
    for (const name of names) {
      const found = away ?? (await readOne(name));
      if ('code' in found && found.status === undefined) away = found;
      sources.push({ name: `Secret/${name}`, documents: 'code' in found ? [broken(name, found.message)] : found });
    }
    return sources;
  };
}
