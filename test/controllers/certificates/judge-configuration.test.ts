import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import {
  expectedWebhooks,
  judgeConfiguration,
  type ExpectedWebhook,
  type Judgement,
  type JudgeSettings,
} from '../../../src/controllers/certificates/judge-configuration.ts';
import { asRecord } from '../../../src/kernel/strict-json.ts';

const settings: JudgeSettings = {
  service: { namespace: 'countersign-system', name: 'countersign', port: 443 },
  caBundle: 'b3Vycw==',
  heal: 'connection',
};

type Webhook = Record<string, unknown>;

/** As the manifests have it, and with our caBundle. */
function shipped(expected: ExpectedWebhook): { metadata: Record<string, unknown>; webhooks: Webhook[] } {
  const files = ['webhooks.yaml', 'policy-webhook.yaml'];
  const documents = files
    .flatMap((file) =>
      parseAllDocuments(readFileSync(join(import.meta.dirname, '../../../manifests/base', file), 'utf8')),
    )
    .map((document): Record<string, unknown> => document.toJS());
  const found = documents.find(
    ({ kind, metadata }) => kind === expected.kind && asRecord(metadata)?.['name'] === expected.name,
  );
  // The files of manifests/ are ours.
  const { metadata, webhooks } = structuredClone(found) as { metadata: Webhook; webhooks: Webhook[] };
  for (const webhook of webhooks)
    webhook['clientConfig'] = { ...asRecord(webhook['clientConfig']), caBundle: 'b3Vycw==' };
  return { metadata, webhooks };
}

const [validating, mutating, policies] = expectedWebhooks;
if (validating === undefined || mutating === undefined || policies === undefined) throw new Error('three are expected');

function judge(
  change: (webhook: Webhook) => void,
  more: Partial<JudgeSettings> = {},
  expected = validating,
): Judgement {
  if (expected === undefined) throw new Error('three are expected');
  const document = shipped(expected);
  for (const webhook of document.webhooks) change(webhook);
  return judgeConfiguration({ ...expected, version: '5', uid: 'u', document }, expected, { ...settings, ...more });
}

const nothing = (): void => undefined;

describe('what is shipped', () => {
  test.each(expectedWebhooks)('$kind $name is in order', (expected) => {
    expect(judge(nothing, {}, expected)).toEqual({
      isOurs: true,
      published: 'b3Vycw==',
      operations: [],
      isCaBundleOnly: false,
      healed: [],
      findings: [],
    });
  });
});

describe('the way to us is put right', () => {
  const service = { namespace: 'countersign-system', name: 'countersign', port: 443, path: '/validate' };

  test('a caBundle that is still missing is filled in', () => {
    const judged = judge((webhook) => (webhook['clientConfig'] = { service }));
    expect(judged).toMatchObject({
      isCaBundleOnly: true,
      operations: [{ op: 'add', path: '/webhooks/0/clientConfig/caBundle', value: 'b3Vycw==' }],
    });
  });

  test.each([
    ['another caBundle', { service, caBundle: 'dGhlaXJz' }, '/webhooks/0/clientConfig/caBundle'],
    ['another CA beside ours', { service, caBundle: 'b3Vyc2FuZG1vcmU=' }, '/webhooks/0/clientConfig/caBundle'],
    [
      'another Service',
      { service: { ...service, name: 'evil' }, caBundle: 'b3Vycw==' },
      '/webhooks/0/clientConfig/service',
    ],
    [
      'another path',
      { service: { ...service, path: '/readyz' }, caBundle: 'b3Vycw==' },
      '/webhooks/0/clientConfig/service',
    ],
    ['another port', { service: { ...service, port: 80 }, caBundle: 'b3Vycw==' }, '/webhooks/0/clientConfig/service'],
  ])('%s', (_, clientConfig, path) => {
    const judged = judge((webhook) => (webhook['clientConfig'] = clientConfig));
    expect(judged.operations).toMatchObject([{ op: 'add', path }]);
    expect(judged.isCaBundleOnly).toBe(path.endsWith('caBundle'));
    expect(judged.healed).toHaveLength(1);
  });

  test('but not caBundle, when others write it', () => {
    const { caBundle: _, ...others } = settings;
    const document = { webhooks: [{ name: validating.webhook, clientConfig: { service, caBundle: 'dGhlaXJz' } }] };
    const judged = judgeConfiguration({ ...validating, version: '5', uid: 'u', document }, validating, others);
    expect(judged.operations).toEqual([]);
  });
});

describe('what is not ours is never written', () => {
  test.each([
    [
      'another installation',
      (webhook: Webhook) => {
        webhook['clientConfig'] = { service: { namespace: 'other', name: 'countersign', path: '/validate' } };
      },
      'it belongs to the installation in namespace other, not to this one in countersign-system',
    ],
    [
      'reached by a URL',
      (webhook: Webhook) => (webhook['clientConfig'] = { url: 'https://10.0.0.1:8443/validate' }),
      'it is reached by the URL https://10.0.0.1:8443/validate',
    ],
    ['without our webhook', (webhook: Webhook) => (webhook['name'] = 'x.y.z'), 'no webhook validate.countersign.dev'],
    [
      'of garbage',
      (webhook: Webhook) => (webhook['clientConfig'] = 'x'),
      'it belongs to the installation in namespace',
    ],
  ])('%s', (_, change, finding) => {
    const judged = judge(change, { heal: 'everything' });
    expect(judged).toMatchObject({ isOurs: false, published: undefined, operations: [], healed: [] });
    expect(judged.findings).toEqual([expect.stringContaining(finding)]);
  });

  test('a caBundle that cert-manager writes; that there are two writers is said', () => {
    const document = shipped(validating);
    document.metadata['annotations'] = { 'cert-manager.io/inject-ca-from': 'countersign-system/countersign' };
    document.webhooks[0] = {
      ...document.webhooks[0],
      clientConfig: {
        service: { namespace: 'countersign-system', name: 'countersign', path: '/validate' },
        caBundle: 'dGhlaXJz',
      },
    };
    const judged = judgeConfiguration({ ...validating, version: '5', uid: 'u', document }, validating, settings);
    expect(judged).toMatchObject({ isOurs: true, operations: [], findings: [expect.stringContaining('cert-manager')] });
  });
});

const optIn = { key: 'policy.sigstore.dev/include', operator: 'In', values: ['true'] };
const safe = { key: 'kubernetes.io/metadata.name', operator: 'NotIn', values: ['kube-system', 'countersign-system'] };

describe('what is weaker than it must be', () => {
  const weaker: [string, Webhook, RegExp, unknown][] = [
    ['failurePolicy', { failurePolicy: 'Ignore' }, /lets everything in/, 'Fail'],
    ['matchPolicy', { matchPolicy: 'Exact' }, /other versions/, 'Equivalent'],
    ['timeoutSeconds', { timeoutSeconds: 1 }, /no time/, 10],
    ['objectSelector', { objectSelector: { matchLabels: { judged: 'yes' } } }, /evaded/, {}],
    [
      'objectSelector',
      { objectSelector: { matchExpressions: [{ key: 'x', operator: 'DoesNotExist' }] } },
      /evaded/,
      {},
    ],
    ['namespaceSelector', { namespaceSelector: { matchLabels: { never: 'ever' } } }, /have opted in/, undefined],
    [
      'namespaceSelector',
      { namespaceSelector: { matchExpressions: [{ key: 'policy.sigstore.dev/include', operator: 'DoesNotExist' }] } },
      /opted in/,
      undefined,
    ],
    ['namespaceSelector', { namespaceSelector: { matchExpressions: [optIn] } }, /kube-system/, undefined],
    ['namespaceSelector', { namespaceSelector: {} }, /countersign-system/, undefined],
    ['matchConditions', { matchConditions: [{ name: 'none', expression: 'false' }] }, /"none"/, undefined],
    ['rules', { rules: [] }, /CREATE and UPDATE of pods/, undefined],
    [
      'rules',
      { rules: [{ operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods', 'pods/*'] }] },
      /UPDATE of pods:/,
      undefined,
    ],
    [
      'rules',
      { rules: [{ operations: ['*'], apiGroups: ['*'], apiVersions: ['*'], resources: ['*/*'], scope: 'Cluster' }] },
      /pods/,
      undefined,
    ],
    ['rules', { rules: 'x' }, /pods/, undefined],
  ];

  test.each(weaker)('%s %j is reported and left', (_, change, says) => {
    const judged = judge((webhook) => Object.assign(webhook, change));
    expect(judged.operations).toEqual([]);
    expect(judged.findings.join('\n')).toMatch(says);
  });

  test.each(weaker)(
    '%s %j is put back where everything is, if there is one right value',
    (member, change, _, value) => {
      const judged = judge((webhook) => Object.assign(webhook, change), { heal: 'everything' });
      const operations = value === undefined ? [] : [{ op: 'add', path: `/webhooks/0/${member}`, value }];
      expect(judged.operations).toEqual(operations);
    },
  );

  test.each<[string, Webhook]>([
    ['more namespaces', { namespaceSelector: { matchExpressions: [safe] } }],
    [
      'more resources',
      { rules: [{ operations: ['*'], apiGroups: ['*'], apiVersions: ['*'], resources: ['*/*'], scope: '*' }] },
    ],
    ['no condition', { matchConditions: undefined }],
    ['more time', { timeoutSeconds: 30 }],
    ['empty selector', { objectSelector: { matchLabels: {}, matchExpressions: [] } }],
  ])('an overlay may ask for %s', (_, change) => {
    expect(judge((webhook) => Object.assign(webhook, change)).findings).toEqual([]);
  });

  test('the webhook that only advises may be as it likes', () => {
    expect(judge((webhook) => (webhook['failurePolicy'] = 'Ignore'), {}, policies).findings).toEqual([]);
  });
});
