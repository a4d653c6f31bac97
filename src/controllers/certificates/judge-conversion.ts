/**
 * What is to be done about the definition of ClusterImagePolicy when its versions are converted by a webhook, which they are
 * only where an administrator chose so: manifests/overlays/conversion-webhook. Only the caBundle is ever written.
 */
import { asRecord } from '../../kernel/strict-json.ts';
import type { ConfigurationName, WebhookConfiguration } from '../../ports/webhook-configurations.ts';
import type { Judgement, JudgeSettings } from './judge-configuration.ts';

export const convertedDefinition: ConfigurationName = {
  kind: 'CustomResourceDefinition',
  name: 'clusterimagepolicies.policy.sigstore.dev',
};

const path = '/spec/conversion/webhook/clientConfig/caBundle';

/** Undefined: nothing there is ours to look after. */
export function judgeConversion(
  { document }: WebhookConfiguration,
  { service, caBundle }: Pick<JudgeSettings, 'service' | 'caBundle'>,
): Judgement | undefined {
  const clientConfig = clientConfigOf(document);
  if (asRecord(clientConfig['service'])?.['namespace'] !== service.namespace) return undefined;
  const { caBundle: published } = clientConfig;
  const isWanted = caBundle !== undefined && !isInjected(document) && published !== caBundle;
  return {
    isOurs: true,
    published: typeof published === 'string' && published !== '' ? published : undefined,
    operations: isWanted ? [{ op: 'add', path, value: caBundle }] : [],
    isCaBundleOnly: isWanted,
    healed: isWanted ? [`${convertedDefinition.kind} ${convertedDefinition.name} had another caBundle`] : [],
    findings: [],
  };
}

/** Empty where no webhook converts. */
function clientConfigOf(document: unknown): Readonly<Record<string, unknown>> {
  const conversion = asRecord(asRecord(asRecord(document)?.['spec'])?.['conversion']);
  if (conversion?.['strategy'] !== 'Webhook') return {};
  return asRecord(asRecord(conversion['webhook'])?.['clientConfig']) ?? {};
}

/** cert-manager writes it then. */
function isInjected(document: unknown): boolean {
  const annotations = asRecord(asRecord(asRecord(document)?.['metadata'])?.['annotations']) ?? {};
  return Object.keys(annotations).some((name) => name.startsWith('cert-manager.io/inject-ca-'));
}
