import { describe, expect, test } from 'vitest';
import { convertedDefinition, judgeConversion } from '../../../src/controllers/certificates/judge-conversion.ts';

const service = { namespace: 'countersign-system', name: 'countersign', port: 443 };
const path = '/spec/conversion/webhook/clientConfig/caBundle';

function judge(conversion: unknown, caBundle?: string, annotations = {}) {
  const document = { metadata: { annotations }, spec: { conversion } };
  const settings = caBundle === undefined ? { service } : { service, caBundle };
  return judgeConversion({ ...convertedDefinition, version: '1', uid: 'u', document }, settings);
}

const byWebhook = (clientConfig: object) => ({ strategy: 'Webhook', webhook: { clientConfig } });
const own = { service: { namespace: service.namespace, name: 'countersign' } };

describe('leaves alone', () => {
  test.each<[string, unknown]>([
    ['the API server that converts by itself', { strategy: 'None' }],
    ['nothing said', undefined],
    ["another product's webhook", byWebhook({ service: { namespace: 'cosign-system', name: 'webhook' } })],
    ['a webhook with an address', byWebhook({ url: 'https://a.example' })],
  ])('%s', (_title, conversion) => {
    expect(judge(conversion, 'Q0E=')).toBeUndefined();
  });

  test('the bundle that cert-manager writes', () => {
    const annotations = { 'cert-manager.io/inject-ca-from': 'a/b' };
    expect(judge(byWebhook({ ...own, caBundle: 'b2xk' }), 'Q0E=', annotations)).toMatchObject({ operations: [] });
  });

  test('the right bundle, and every bundle when others make the certificates', () => {
    expect(judge(byWebhook({ ...own, caBundle: 'Q0E=' }), 'Q0E=')).toMatchObject({ published: 'Q0E=', operations: [] });
    expect(judge(byWebhook(own))).toMatchObject({ published: undefined, operations: [] });
  });
});

test.each([undefined, '', 'b2xk'])('writes the bundle over %j', (caBundle) => {
  expect(judge(byWebhook({ ...own, caBundle }), 'Q0E=')).toMatchObject({
    isOurs: true,
    isCaBundleOnly: true,
    operations: [{ op: 'add', path, value: 'Q0E=' }],
  });
});
