/** Where logs and timestamps are demanded, or are not although they seem to be. */
import type { ParsedKeyAuthority, ParsedKeylessAuthority } from './parse-authority.ts';

type Signer = ParsedKeyAuthority | ParsedKeylessAuthority;

export function lintTrust(authority: Signer, path: string): readonly string[] {
  return [
    ...(authority.kind === 'key' ? lintKey(authority, path) : lintRoots(authority, path)),
    ...lintLog(authority, path),
  ];
}

function lintKey({ timestampTrustRootRef, ctlog }: ParsedKeyAuthority, path: string): readonly string[] {
  return timestampTrustRootRef !== undefined && ctlog === undefined
    ? [`${path}.rfc3161timestamp: without ctlog no log is demanded, so a stolen key leaves no trace there`]
    : [];
}

/** Stated because policy-controller ignores the log here. docs/decisions/0004-trust-selection.md */
function lintRoots(
  { trustRootRef, ctlog, timestampTrustRootRef }: ParsedKeylessAuthority,
  path: string,
): readonly string[] {
  if (trustRootRef === undefined) return [];
  if (ctlog === undefined && timestampTrustRootRef === undefined)
    return [
      `${path}.keyless.trustRootRef: the log of TrustRoot "${trustRootRef}" is demanded when it has one; write ctlog.trustRootRef to demand it in any case`,
    ];
  const others = [ctlog?.trustRootRef, timestampTrustRootRef].filter(
    (name) => name !== undefined && name !== trustRootRef,
  );
  return others.map(
    (name) => `${path}: certificates are of TrustRoot "${trustRootRef}" and proofs of time of "${name}"`,
  );
}

function lintLog(authority: Signer, path: string): readonly string[] {
  const { ctlog, signatureFormat } = authority;
  if (ctlog === undefined) return [];
  const root = ctlog.trustRootRef ?? (authority.kind === 'keyless' ? authority.trustRootRef : undefined);
  if (ctlog.url !== undefined) return lintLogUrl(ctlog.url, root, `${path}.ctlog.url`, signatureFormat === 'bundle');
  return root === undefined
    ? [`${path}.ctlog: it names no log, so Sigstore's public one is demanded; write trustRootRef for another`]
    : [];
}

function lintLogUrl(url: string, root: string | undefined, path: string, bundlesAlone: boolean): readonly string[] {
  const isSigstores = /^https:\/\/(?:[^/]+\.)?sigstore\.dev(?:\/|$)/.test(url);
  return [
    ...(root === undefined && !isSigstores
      ? [`${path}: Sigstore's public root knows no log there, so nothing passes; write trustRootRef for its keys`]
      : []),
    ...(url.startsWith('http://') ? [`${path}: it is asked without TLS`] : []),
    ...(bundlesAlone ? [`${path}: bundles bring their proof along, and no log is asked`] : []),
  ];
}
