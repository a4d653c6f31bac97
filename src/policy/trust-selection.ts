/**
 * Which trust material an authority asks for: docs/decisions/0004-trust-selection.md. What a policy demands is always
 * demanded; where policy-controller quietly drops a demand, this does not.
 */
import { defined } from '../kernel/defined.ts';
import type { KeyAuthority, KeylessAuthority, PolicySnapshot, TrustRoot } from './model.ts';
import { publicTrustRoot } from './model.ts';
import { trustRootFromCertificates } from './parse-trust-root-json.ts';
import type { LogAndTime, TrustQuestion } from './question.ts';

export type TrustSelection =
  { readonly ok: true; readonly trust: TrustQuestion } | { readonly ok: false; readonly problem: string };

export function selectTrust(authority: KeyAuthority | KeylessAuthority, snapshot: PolicySnapshot): TrustSelection {
  const root = (name: string | undefined): TrustRoot | undefined => {
    const found = snapshot.trustRoots.get(name ?? publicTrustRoot);
    return found?.notReady.length === 0 ? found : undefined;
  };
  switch (authority.kind) {
    case 'key': {
      if (authority.keys.length === 0)
        return { ok: false, problem: `there are no public keys for authority ${authority.name}` };
      const logAndTime = selectLogAndTime(
        authority,
        authority.ctlog === undefined ? undefined : root(authority.ctlog.trustRootRef),
        root,
      );
      if (typeof logAndTime === 'string') return { ok: false, problem: logAndTime };
      return {
        ok: true,
        trust: {
          kind: 'key',
          keys: authority.keys,
          ...defined('hashAlgorithm', authority.hashAlgorithm),
          ...logAndTime,
        },
      };
    }
    case 'keyless':
      return selectForCertificates(authority, root, snapshot.compatibility.has('log-of-trust-root'));
  }
}

/** A trust root that can be used. */
type RootLookup = (name: string | undefined) => TrustRoot | undefined;

function selectForCertificates(authority: KeylessAuthority, root: RootLookup, onlyNamedLogs: boolean): TrustSelection {
  const own = authority.caCert === undefined ? undefined : trustRootFromCertificates('(ca-cert)', authority.caCert);
  const chosen = own ?? root(authority.trustRootRef);
  if (chosen === undefined) {
    return { ok: false, problem: `there is no usable trust root for authority ${authority.name}` };
  }
  const logAndTime = selectLogAndTime(authority, logRootOf(authority, chosen, root, onlyNamedLogs), root);
  if (typeof logAndTime === 'string') return { ok: false, problem: logAndTime };
  return {
    ok: true,
    trust: {
      kind: 'certificate',
      root: chosen,
      sct: authority.insecureIgnoreSct ? 'ignored' : 'required',
      identities: authority.identities,
      ...logAndTime,
    },
  };
}

/**
 * A log that the policy names is demanded. Otherwise: the public root always demands its log; a TrustRoot of one's own
 * demands it when it has logs, unless a timestamp proves the time of signing instead; compatible: only if it is named.
 */
function logRootOf(
  authority: KeylessAuthority,
  chosen: TrustRoot,
  root: RootLookup,
  onlyNamedLogs: boolean,
): TrustRoot | undefined {
  if (authority.ctlog !== undefined) return root(authority.ctlog.trustRootRef ?? authority.trustRootRef);
  if (authority.timestampTrustRootRef !== undefined) return undefined;
  if (chosen.name === publicTrustRoot) return chosen;
  return !onlyNamedLogs && logUrls(chosen).length > 0 ? chosen : undefined;
}

function logUrls(root: TrustRoot): readonly string[] {
  // Parsed and checked when the root was read.
  const { tlogs } = JSON.parse(root.trustedRootJson) as { tlogs?: readonly { baseUrl?: unknown }[] };
  return (tlogs ?? []).map(({ baseUrl }) => withoutSlash(String(baseUrl)));
}

function withoutSlash(url: string): string {
  return url.replace(/\/$/, '');
}

function selectLogAndTime(
  authority: KeyAuthority | KeylessAuthority,
  logRoot: TrustRoot | undefined,
  root: RootLookup,
): LogAndTime | string {
  const { ctlog, timestampTrustRootRef } = authority;
  if (ctlog !== undefined && logRoot === undefined)
    return `authority ${authority.name} demands a log of a trust root that is not there or cannot be used`;
  const url = logRoot === undefined ? undefined : addressOf(ctlog, logUrls(logRoot));
  if (ctlog?.url !== undefined && logRoot !== undefined && url === undefined) {
    return `authority ${authority.name} demands the log ${ctlog.url}, which its trust root does not know: name a TrustRoot with ctlog.trustRootRef`;
  }
  const timestamps = timestampTrustRootRef === undefined ? undefined : root(timestampTrustRootRef);
  if (timestampTrustRootRef !== undefined && timestamps === undefined) {
    return `authority ${authority.name} demands timestamps of a trust root that is not there or cannot be used`;
  }
  const log =
    logRoot === undefined
      ? ({ demand: 'ignored' } as const)
      : ({ demand: 'required', root: logRoot, ...defined('lookUp', url) } as const);
  return { log, ...defined('timestamps', timestamps) };
}

/** A TrustRoot that is named for the log says where it is, whatever else the policy calls it, as in policy-controller. */
function addressOf(ctlog: KeyAuthority['ctlog'], known: readonly string[]): string | undefined {
  if (ctlog?.url === undefined) return undefined;
  if (known.includes(withoutSlash(ctlog.url))) return ctlog.url;
  return ctlog.trustRootRef === undefined ? undefined : known.at(-1);
}
