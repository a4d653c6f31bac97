import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { issueServing, makeAuthority } from '../src/adapters/certificates/authority.ts';
import { parseRegistrySettings, parseWebhookConfig, type RawWebhookFlags, type WebhookConfig } from '../src/config.ts';

const folder = mkdtempSync(join(tmpdir(), 'config-'));
const authority = await makeAuthority(new Date());
const file = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};
const caFile = file('ca.pem', authority.cert);
const pair = await issueServing(authority, ['localhost'], new Date());

afterAll(() => rmSync(folder, { recursive: true }));

/** What the command line gives when nobody says anything. */
const defaults: RawWebhookFlags = {
  listen: '0.0.0.0:8443',
  namespace: 'countersign-system',
  onNoMatch: 'deny',
  onUnresolvedImage: 'defer',
  decisionLog: 'decisions.jsonl',
  decisionLogMaxBytes: '104857600',
  decisionLogMaxFiles: '10',
  onDecisionLogFailure: 'refuse',
  drainSeconds: '20',
};

function parse(flags: Partial<RawWebhookFlags>): ReturnType<typeof parseWebhookConfig> {
  return parseWebhookConfig({ ...defaults, ...flags });
}

describe('settings', () => {
  test('that nobody changed refuse in doubt', () => {
    expect(parse({})).toMatchObject({
      ok: true,
      value: {
        listen: { host: '0.0.0.0', port: 8443 },
        policies: [],
        onNoMatch: 'deny',
        onUnresolvedImage: 'defer',
        onDecisionLogFailure: 'refuse',
        registry: { insecure: [] },
        drainSeconds: 20,
      },
    });
  });

  test.each<{ flags: Partial<RawWebhookFlags>; settings: Partial<WebhookConfig> }>([
    { flags: { listen: '127.0.0.1:0' }, settings: { listen: { host: '127.0.0.1', port: 0 } } },
    { flags: { listen: '[::]:8443' }, settings: { listen: { host: '::', port: 8443 } } },
    { flags: { listen: 'localhost:65535' }, settings: { listen: { host: 'localhost', port: 65_535 } } },
    { flags: { policies: ['a.yaml', 'b'] }, settings: { policies: ['a.yaml', 'b'] } },
    { flags: { onNoMatch: 'warn' }, settings: { onNoMatch: 'warn' } },
    { flags: { onNoMatch: 'allow' }, settings: { onNoMatch: 'allow' } },
    { flags: { onUnresolvedImage: 'refuse' }, settings: { onUnresolvedImage: 'refuse' } },
    { flags: { onDecisionLogFailure: 'admit' }, settings: { onDecisionLogFailure: 'admit' } },
    { flags: { drainSeconds: '0' }, settings: { drainSeconds: 0 } },
    { flags: { drainSeconds: '3600' }, settings: { drainSeconds: 3600 } },
    {
      flags: { decisionLogMaxBytes: '65536', decisionLogMaxFiles: '1' },
      settings: { decisionLog: { file: 'decisions.jsonl', maxBytes: 65_536, maxFiles: 1 } },
    },
    { flags: { tlsCert: 'c', tlsKey: 'k' }, settings: { tls: { cert: 'c', key: 'k' } } },
    {
      flags: { tlsName: ['gate.example'], certificatesFolder: 'f' },
      settings: { tls: { names: ['gate.example'], folder: 'f' } },
    },
    {
      flags: { insecureRegistry: ['localhost:5000', 'registry.example'] },
      settings: { registry: { insecure: ['localhost:5000', 'registry.example'], ca: new Map() } },
    },
    {
      flags: { registryCa: [`registry.example=${caFile}`] },
      settings: { registry: { insecure: [], ca: new Map([['registry.example', authority.cert]]) } },
    },
  ])('$flags are taken', ({ flags, settings }) => {
    expect(parse(flags)).toMatchObject({ ok: true, value: settings });
  });

  test('name the service of their namespace in the certificate', () => {
    const parsed = parse({ namespace: 'gates' });
    expect(parsed).toMatchObject({
      ok: true,
      value: { tls: { names: expect.arrayContaining(['localhost', 'countersign.gates.svc']) } },
    });
  });

  test('cannot be changed any more', () => {
    const parsed = parse({});
    expect(parsed.ok && Object.isFrozen(parsed.value)).toBe(true);
  });
});

describe('a value that cannot be', () => {
  test.each<{ flags: Partial<RawWebhookFlags>; flag: string }>([
    { flags: { listen: '' }, flag: '--listen' },
    { flags: { listen: '8443' }, flag: '--listen' },
    { flags: { listen: ':8443' }, flag: '--listen' },
    { flags: { listen: '0.0.0.0' }, flag: '--listen' },
    { flags: { listen: '0.0.0.0:65536' }, flag: '--listen' },
    { flags: { listen: '0.0.0.0:-1' }, flag: '--listen' },
    { flags: { listen: '::1:8443' }, flag: '--listen' },
    { flags: { listen: 'https://0.0.0.0:8443' }, flag: '--listen' },
    { flags: { namespace: '' }, flag: '--namespace' },
    { flags: { namespace: 'Upper' }, flag: '--namespace' },
    { flags: { namespace: 'a.b' }, flag: '--namespace' },
    { flags: { namespace: 'x'.repeat(64) }, flag: '--namespace' },
    { flags: { onUnresolvedImage: 'admit' }, flag: '--on-unresolved-image' },
    { flags: { onNoMatch: 'permit' }, flag: '--on-no-match' },
    { flags: { onNoMatch: '' }, flag: '--on-no-match' },
    { flags: { onNoMatch: 'Deny' }, flag: '--on-no-match' },
    { flags: { onDecisionLogFailure: 'ignore' }, flag: '--on-decision-log-failure' },
    { flags: { decisionLogMaxBytes: '1000' }, flag: '--decision-log-max-bytes' },
    { flags: { decisionLogMaxBytes: '100MB' }, flag: '--decision-log-max-bytes' },
    { flags: { decisionLogMaxBytes: '1e9' }, flag: '--decision-log-max-bytes' },
    { flags: { decisionLogMaxBytes: '99999999999999999999' }, flag: '--decision-log-max-bytes' },
    { flags: { decisionLogMaxFiles: '0' }, flag: '--decision-log-max-files' },
    { flags: { decisionLogMaxFiles: '-1' }, flag: '--decision-log-max-files' },
    { flags: { trustRootMinutes: '0' }, flag: '--trust-root-minutes' },
    { flags: { drainSeconds: '1.5' }, flag: '--drain-seconds' },
    { flags: { drainSeconds: '' }, flag: '--drain-seconds' },
    { flags: { drainSeconds: '3601' }, flag: '--drain-seconds' },
    { flags: { drainSeconds: 'Infinity' }, flag: '--drain-seconds' },
    { flags: { tlsCert: 'c' }, flag: '--tls-key' },
    { flags: { tlsKey: 'k' }, flag: '--tls-cert' },
    { flags: { trustedRoot: 'r.json', publicRootCache: 'f' }, flag: '--trusted-root' },
    { flags: { insecureRegistry: ['http://localhost:5000'] }, flag: '--insecure-registry' },
    { flags: { insecureRegistry: ['localhost:5000/team'] }, flag: '--insecure-registry' },
    { flags: { insecureRegistry: ['*'] }, flag: '--insecure-registry' },
    { flags: { insecureRegistry: [''] }, flag: '--insecure-registry' },
    { flags: { registryCa: ['registry.example'] }, flag: '--registry-ca' },
    { flags: { registryCa: ['=ca.pem'] }, flag: '--registry-ca' },
    { flags: { registryCa: ['registry.example='] }, flag: '--registry-ca' },
    { flags: { registryCa: [`https://registry.example=${caFile}`] }, flag: '--registry-ca' },
    { flags: { registryCa: ['registry.example=/nowhere/ca.pem'] }, flag: '--registry-ca' },
    { flags: { registryCa: [`registry.example=${file('empty.pem', '')}`] }, flag: '--registry-ca' },
    { flags: { registryCa: [`registry.example=${file('key.pem', pair.key)}`] }, flag: '--registry-ca' },
  ])('($flags) is refused by the name of its flag, $flag', ({ flags, flag }) => {
    expect(parse(flags)).toEqual({ ok: false, failure: [expect.stringContaining(flag)] });
  });

  test('does not hide another one: all are told at once', () => {
    const parsed = parse({ listen: 'x', onNoMatch: 'x', drainSeconds: 'x', tlsCert: 'x' });
    expect(!parsed.ok && parsed.failure).toHaveLength(4);
  });
});

test('a list of certificates for one registry is kept whole', () => {
  const both = file('both.pem', `${authority.cert}\n${pair.cert}`);
  const settings = parseRegistrySettings({ registryCa: [`registry.example:5000=${both}`] });
  expect(settings.ok && settings.value.ca.get('registry.example:5000')).toContain(pair.cert);
});
