/** A trusted_root.json as the resource that a cluster has for it. */
import { asRecord } from '../../../src/kernel/strict-json.ts';
import type { ApiObject } from './api.ts';

export function trustRoot(name: string, trustedRootJson: string): ApiObject {
  const root = asRecord(JSON.parse(trustedRootJson)) ?? {};
  const sigstoreKeys = {
    certificateAuthorities: entries(root['certificateAuthorities']).map(authority),
    timestampAuthorities: entries(root['timestampAuthorities']).map(authority),
    tLogs: entries(root['tlogs']).map(log),
    ctLogs: entries(root['ctlogs']).map(log),
  };
  return { apiVersion: 'policy.sigstore.dev/v1alpha1', kind: 'TrustRoot', metadata: { name }, spec: { sigstoreKeys } };
}

type Entry = Readonly<Record<string, unknown>>;

function entries(value: unknown): readonly Entry[] {
  return Array.isArray(value) ? value.map((entry) => asRecord(entry) ?? {}) : [];
}

function authority({ subject, uri, certChain }: Entry): object {
  const certificates = entries(asRecord(certChain)?.['certificates']);
  return { subject, uri, certChain: base64(certificates.map((it) => pem('CERTIFICATE', it['rawBytes'])).join('')) };
}

function log({ baseUrl, publicKey }: Entry): object {
  const key = pem('PUBLIC KEY', asRecord(publicKey)?.['rawBytes']);
  return { baseURL: baseUrl, hashAlgorithm: 'sha-256', publicKey: base64(key) };
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');

function pem(label: string, der: unknown): string {
  const lines = String(der).match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
