/** Trust roots that are no Kubernetes objects: a trusted_root.json, and the certificates of a policy's `ca-cert`. */
import { digestOf } from '../kernel/digest.ts';
import { fail, ok, type Result } from '../kernel/result.ts';
import { asRecord, parseStrictJson } from '../kernel/strict-json.ts';
import type { TrustRoot } from './model.ts';
import { pemCertificates } from './pem-certificates.ts';

export const trustedRootMediaType = 'application/vnd.dev.sigstore.trustedroot+json;version=0.1';

/** For what is configured without a validity window. Certificates have their own. */
export const always = { start: '1970-01-01T00:00:00Z' };

/**
 * A trusted_root.json. Only its outline is checked here; verification reads the rest. A validity window without a start
 * is refused: the libraries would read it as "since 1970".
 */
export function trustRootFromJson(name: string, text: string): Result<TrustRoot, readonly string[]> {
  const json = parseStrictJson(text);
  if (!json.ok) return fail([json.problem]);
  const root = asRecord(json.value);
  const mediaType = root?.['mediaType'];
  if (
    root === undefined ||
    typeof mediaType !== 'string' ||
    !mediaType.startsWith('application/vnd.dev.sigstore.trustedroot')
  ) {
    return fail(['mediaType is not that of a Sigstore trusted root']);
  }
  const problems = [
    ...['tlogs', 'ctlogs'].flatMap((list) => withoutStart(root, list, (item) => asRecord(item['publicKey']))),
    ...['certificateAuthorities', 'timestampAuthorities'].flatMap((list) => withoutStart(root, list, (item) => item)),
  ];
  if (problems.length > 0) return fail(problems);
  return ok({ name, generation: digestOf(text), trustedRootJson: text, notReady: [] });
}

type Members = Readonly<Record<string, unknown>>;

function withoutStart(root: Members, list: string, holder: (item: Members) => Members | undefined): readonly string[] {
  const items = root[list] ?? [];
  if (!Array.isArray(items)) return [`${list} is not a list`];
  return items.flatMap((item: unknown, index) => {
    const window = asRecord(holder(asRecord(item) ?? {})?.['validFor']);
    return typeof window?.['start'] === 'string' ? [] : [`${list}[${index}] has no validFor.start`];
  });
}

/** A root whose only certificate authorities are those of a policy's `ca-cert`; without logs of any kind. */
export function trustRootFromCertificates(name: string, pem: string): TrustRoot {
  const certificates = pemCertificates(pem) ?? [];
  const authority = {
    subject: {},
    uri: '',
    certChain: { certificates: certificates.map((rawBytes) => ({ rawBytes })) },
    validFor: always,
  };
  const trustedRootJson = JSON.stringify({
    mediaType: trustedRootMediaType,
    certificateAuthorities: [authority],
    timestampAuthorities: [],
    tlogs: [],
    ctlogs: [],
  });
  return { name, generation: digestOf(trustedRootJson), trustedRootJson, notReady: [] };
}
