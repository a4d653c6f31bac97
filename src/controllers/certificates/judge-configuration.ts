/**
 * What is to be done about one webhook configuration: whose it is, whether the API server reaches and believes us by it, and
 * what in it is weaker than it must be. The way to us (Service and caBundle) is always put right: nothing but this
 * installation can be meant by it. Everything else may be an administrator's decision, and is reported.
 */
import { quoted } from '../../kernel/failure.ts';
import type { PatchOperation } from '../../kernel/json-patch.ts';
import { asRecord } from '../../kernel/strict-json.ts';
import type { ConfigurationName, WebhookConfiguration } from '../../ports/webhook-configurations.ts';
import { gateFindings, type Finding } from './configuration-findings.ts';

type Members = Readonly<Record<string, unknown>>;

export interface ExpectedWebhook extends ConfigurationName {
  /** Of the webhook in it that is ours. */
  readonly webhook: string;
  readonly path: string;
  /** Whether images are refused by it; the others say early what is wrong with a document. */
  readonly isGate: boolean;
}

export const expectedWebhooks: readonly ExpectedWebhook[] = [
  {
    kind: 'ValidatingWebhookConfiguration',
    name: 'countersign',
    webhook: 'validate.countersign.dev',
    path: '/validate',
    isGate: true,
  },
  {
    kind: 'MutatingWebhookConfiguration',
    name: 'countersign',
    webhook: 'mutate.countersign.dev',
    path: '/mutate',
    isGate: true,
  },
  {
    kind: 'ValidatingWebhookConfiguration',
    name: 'countersign-policies',
    webhook: 'policies.countersign.dev',
    path: '/validate',
    isGate: false,
  },
  {
    kind: 'ValidatingWebhookConfiguration',
    name: 'countersign-workflows',
    webhook: 'workflows.countersign.dev',
    path: '/validate',
    isGate: false,
  },
];

export interface OwnService {
  readonly namespace: string;
  readonly name: string;
  readonly port: number;
}

export interface JudgeSettings {
  readonly service: OwnService;
  /** Base64, what every caBundle should be; absent: others write it. */
  readonly caBundle?: string;
  readonly heal: 'connection' | 'everything';
}

export interface Judgement {
  /** Another installation's, or reached by a way that others have chosen: never written. */
  readonly isOurs: boolean;
  /** The caBundle as it is; undefined when it is not ours to write or there is none. */
  readonly published: string | undefined;
  readonly operations: readonly PatchOperation[];
  /** The operations change nothing but the caBundle. */
  readonly isCaBundleOnly: boolean;
  /** Sentences about what was put right. */
  readonly healed: readonly string[];
  /** Sentences about what is left as it is. */
  readonly findings: readonly string[];
}

export function judgeConfiguration(
  configuration: WebhookConfiguration,
  expected: ExpectedWebhook,
  settings: JudgeSettings,
): Judgement {
  const title = `${expected.kind} ${expected.name}`;
  const webhooks = webhooksOf(configuration.document);
  const at = webhooks.findIndex(({ name }) => name === expected.webhook);
  const webhook = webhooks[at];
  if (webhook === undefined)
    return notOurs(`${title}: there is no webhook ${expected.webhook} in it, so nothing is asked. ${applyAgain}`);
  const stranger = strangerOf(webhook, settings.service);
  if (stranger !== undefined) return notOurs(`${title}: ${stranger}`);

  const isInjected = isCertManagers(configuration.document);
  const twoWriters = isInjected && settings.caBundle !== undefined ? [`${title}: ${injectedAsWell}`] : [];
  const clientConfig = asRecord(webhook['clientConfig']) ?? {};
  const wanted = isInjected ? undefined : settings.caBundle;
  const repairs = connectionRepairs(clientConfig, { at, expected, wanted, settings });
  const weak = expected.isGate ? gateFindings(webhook, at, settings.service.namespace) : [];
  const repaired = weak.filter(({ repair }) => settings.heal === 'everything' && repair !== undefined);
  const all = [...repairs, ...repaired];
  const sentence = ({ says }: Finding): string => `${title}: webhook ${expected.webhook} ${says}`;
  const published = textOf(clientConfig['caBundle']);
  return {
    isOurs: true,
    published,
    operations: all.flatMap(({ repair }) => repair ?? []),
    isCaBundleOnly: all.length === 1 && all[0]?.repair?.path === caBundlePath(at),
    healed: all.map(sentence),
    findings: [...twoWriters, ...weak.filter((finding) => !repaired.includes(finding)).map(sentence)],
  };
}

const applyAgain = 'Apply the manifests again';
const injectedAsWell =
  'cert-manager writes its caBundle, and Countersign makes certificates of its own: take the annotation ' +
  'cert-manager.io/inject-ca-from away, or give Countersign the certificate of cert-manager with --tls-cert and --tls-key';

function notOurs(finding: string): Judgement {
  const nothing = { published: undefined, operations: [], isCaBundleOnly: false, healed: [] };
  return { isOurs: false, ...nothing, findings: [finding] };
}

/** Why this webhook does not lead to this installation. */
function strangerOf(webhook: Members, own: OwnService): string | undefined {
  const { service, url } = asRecord(webhook['clientConfig']) ?? {};
  if (typeof url === 'string') return `it is reached by the URL ${quoted(url)}; its caBundle is yours to keep`;
  const { namespace } = asRecord(service) ?? {};
  if (namespace === own.namespace) return undefined;
  const other = typeof namespace === 'string' ? quoted(namespace, 64) : '';
  return (
    `it belongs to the installation in namespace ${other}, not to this one in ${own.namespace}, which is asked nothing. ` +
    'There can be one in a cluster: delete the other one, or this one'
  );
}

interface Connection {
  readonly at: number;
  readonly expected: ExpectedWebhook;
  readonly wanted: string | undefined;
  readonly settings: JudgeSettings;
}

function connectionRepairs(clientConfig: Members, { at, expected, wanted, settings }: Connection): readonly Finding[] {
  const place = `/webhooks/${at}/clientConfig`;
  const { namespace, name, port } = settings.service;
  const service = asRecord(clientConfig['service']) ?? {};
  const repairs: Finding[] = [];
  // The API server fills in port 443.
  if (service['name'] !== name || service['path'] !== expected.path || (service['port'] ?? 443) !== port) {
    const value = { namespace, name, port, path: expected.path };
    repairs.push({ says: 'led elsewhere', repair: { op: 'add', path: `${place}/service`, value } });
  }
  if (wanted !== undefined && clientConfig['caBundle'] !== wanted)
    repairs.push({
      says: 'had another caBundle than that of our certificate',
      repair: { op: 'add', path: caBundlePath(at), value: wanted },
    });
  return repairs;
}

function caBundlePath(at: number): string {
  return `/webhooks/${at}/clientConfig/caBundle`;
}

function webhooksOf(document: unknown): readonly Members[] {
  const { webhooks } = asRecord(document) ?? {};
  return (Array.isArray(webhooks) ? (webhooks as readonly unknown[]) : []).map((webhook) => asRecord(webhook) ?? {});
}

function isCertManagers(document: unknown): boolean {
  const annotations = asRecord(asRecord(asRecord(document)?.['metadata'])?.['annotations']) ?? {};
  return Object.keys(annotations).some((name) => name.startsWith('cert-manager.io/inject-ca-'));
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
