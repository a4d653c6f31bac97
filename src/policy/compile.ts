/**
 * From what documents say to what requests are judged under: keys and code are looked up, and whatever is missing
 * becomes a sentence in `notReady`, so that the policy still refuses what it matches. A policy is never dropped here:
 * a missing demand would admit.
 */
import { digestOf, type Digest } from '../kernel/digest.ts';
import { defined } from '../kernel/defined.ts';
import { quoted } from '../kernel/failure.ts';
import { stableJson } from '../kernel/stable-json.ts';
import type { AttestationDemand, Authority, ClusterImagePolicy, ObjectPolicy, PolicyCode } from './model.ts';
import type { CodeSource, KeySource, ParsedAttestation, ParsedAuthority, ParsedCode } from './parse-authority.ts';
import type { ParsedObjectPolicy, ParsedPolicy } from './parse-cluster-image-policy.ts';
import { certificatesWanted, pemCertificates } from './pem-certificates.ts';
import { plain } from './plain-data.ts';
import { parsePublicKeys } from './public-keys.ts';

/** Data of a Secret by name, or why it cannot be had. */
export type SecretLookup = (name: string, namespace: string | undefined) => SecretData;

/** What policies name and do not hold: looked up before, and kept by whoever calls. */
export interface Materials {
  readonly secret: SecretLookup;
  /** A text of a ConfigMap in Countersign's own namespace; without a key, the only one. */
  configMap(name: string, key: string | undefined): Material;
  /** What is at the address, once its SHA-256 (lower-case hex) was compared. */
  remote(url: string, sha256: string): Material;
  /** PEM of the public key. */
  kms(uri: string): Material;
}

/** Of policy code, wherever it comes from. */
export const maxCodeBytes = 1024 * 1024;

export type Material = { readonly ok: true; readonly text: string } | { readonly ok: false; readonly problem: string };

const nothing = { ok: false, problem: 'it is not looked up here' } as const;

/** For policies that hold everything themselves. */
export const noMaterials: Materials = {
  secret: () => nothing,
  configMap: () => nothing,
  remote: () => nothing,
  kms: () => nothing,
};

export type SecretData =
  { readonly ok: true; readonly data: ReadonlyMap<string, string> } | { readonly ok: false; readonly problem: string };

export function compilePolicy(parsed: ParsedPolicy, materials: Materials): ClusterImagePolicy {
  return policyCompiler(materials)(parsed).policy;
}

/** What cannot be had, by what it is for: the sentences of `notReady` that are about it. */
export interface MaterialProblems {
  readonly keys: readonly string[];
  readonly code: readonly string[];
}

export interface Compiled {
  readonly policy: ClusterImagePolicy;
  readonly lacks: MaterialProblems;
}

/** For many policies at once: what they share is read once. */
export function policyCompiler(materials: Materials): (parsed: ParsedPolicy) => Compiled {
  const sources = {
    ...materials,
    keysIn: remembered(parsePublicKeys),
    hashOf: remembered(digestOf),
    bytesOf: remembered((text) => Buffer.byteLength(text)),
  };
  return (parsed) => compile(parsed, sources);
}

interface Sources extends Materials {
  readonly keysIn: typeof parsePublicKeys;
  readonly hashOf: (text: string) => Digest;
  readonly bytesOf: (text: string) => number;
}

function remembered<T>(read: (text: string) => T): (text: string) => T {
  const known = new Map<string, T>();
  return (text) => {
    const value = known.get(text) ?? read(text);
    known.set(text, value);
    return value;
  };
}

function compile(parsed: ParsedPolicy, materials: Sources): Compiled {
  const lacks: Complaints = { keys: [], code: [] };
  const { policy: written, ...rest } = parsed;
  const authorities = parsed.authorities.map((authority) => compileAuthority(authority, materials, lacks));
  const complain = (problem: string): void => void lacks.code.push(`spec.policy: ${problem}`);
  const code = written === undefined ? undefined : compileCode(written, materials, complain);
  const policy = {
    ...rest,
    authorities,
    ...defined('policy', written === undefined || code === undefined ? undefined : withCode(written, code)),
    notReady: [...parsed.notReady, ...lacks.keys, ...lacks.code],
  };
  return { policy: { ...policy, meaning: digestOf(stableJson(meaningOf(policy))) }, lacks };
}

interface Complaints {
  readonly keys: string[];
  readonly code: string[];
}

function withCode(
  { source: _source, language: _language, ...rest }: ParsedObjectPolicy,
  code: PolicyCode,
): ObjectPolicy {
  return { ...rest, code };
}

/** Undefined: it cannot be had, which was complained of. */
function compileCode(
  { language, source }: ParsedCode,
  materials: Sources,
  complain: (problem: string) => void,
): PolicyCode | undefined {
  const found = codeText(source, materials);
  if (found === undefined) return undefined;
  if (!found.ok) {
    complain(found.problem);
    return undefined;
  }
  if (materials.bytesOf(found.text) > maxCodeBytes) {
    complain(`the policy code is longer than ${maxCodeBytes} bytes`);
    return undefined;
  }
  return { language, text: found.text, hash: materials.hashOf(found.text) };
}

function codeText(source: CodeSource, materials: Sources): Material | undefined {
  switch (source.kind) {
    case 'data':
      return { ok: true, text: source.text };
    case 'config-map':
      return materials.configMap(source.name, source.key);
    case 'remote':
      return materials.remote(source.url, source.sha256);
    case 'none':
      return undefined;
  }
}

function compileAttestation(
  { policy: written, ...demand }: ParsedAttestation,
  materials: Sources,
  complain: (problem: string) => void,
): AttestationDemand {
  const tell = (problem: string): void => complain(`attestation ${demand.name}: ${problem}`);
  return { ...demand, ...defined('policy', written === undefined ? undefined : compileCode(written, materials, tell)) };
}

function compileAuthority(authority: ParsedAuthority, materials: Sources, problems: Complaints): Authority {
  const ofKeys = (problem: string): void => void problems.keys.push(`${authority.name}: ${problem}`);
  const ofCode = (problem: string): void => void problems.code.push(`${authority.name}: ${problem}`);
  switch (authority.kind) {
    case 'static':
      return authority;
    case 'key': {
      const { key, ...rest } = authority;
      const attestations = authority.attestations.map((one) => compileAttestation(one, materials, ofCode));
      return { ...rest, attestations, keys: readKeys(key, materials, ofKeys) };
    }
    case 'keyless': {
      const { caCert, ...rest } = authority;
      const attestations = authority.attestations.map((one) => compileAttestation(one, materials, ofCode));
      const ca = caCert === undefined ? undefined : readCa(caCert, materials, ofKeys);
      return { ...rest, attestations, ...defined('caCert', ca) };
    }
  }
}

function readKeys(source: KeySource, materials: Sources, complain: (problem: string) => void): readonly string[] {
  const text = material(source, materials, complain);
  if (text === undefined) return [];
  const parsed = materials.keysIn(text);
  if (!parsed.ok) complain(`${whoseKey(source)}${parsed.problem}`);
  return parsed.ok ? parsed.keys : [];
}

/** In the words of sigstore policy-controller. */
function whoseKey(source: KeySource): string {
  return source.kind === 'secret' ? `secret "${quoted(source.name, 253)}" contains an invalid public key: ` : '';
}

function readCa(source: KeySource, materials: Sources, complain: (problem: string) => void): string | undefined {
  const text = material(source, materials, complain);
  if (text !== undefined && pemCertificates(text) === undefined) complain(`keyless.ca-cert: ${certificatesWanted}`);
  return text;
}

function material(source: KeySource, materials: Sources, complain: (problem: string) => void): string | undefined {
  switch (source.kind) {
    case 'pem':
      return source.text;
    case 'none':
      return undefined;
    case 'kms': {
      const found = materials.kms(source.uri);
      if (!found.ok) complain(found.problem);
      return found.ok ? found.text : undefined;
    }
    case 'secret': {
      const found = materials.secret(source.name, source.namespace);
      if (!found.ok) {
        complain(found.problem);
        return undefined;
      }
      const [only, ...others] = found.data.values();
      if (only !== undefined && others.length === 0) return only;
      const what = only === undefined ? 'no data' : 'multiple data entries, only one is supported';
      complain(`secret "${quoted(source.name, 253)}" contains ${what}`);
      return undefined;
    }
  }
}

/** Text of everything that decides: compiled globs and patterns stand by their source. */
function meaningOf(policy: Omit<ClusterImagePolicy, 'meaning'>): unknown {
  const { images, match, mode, authorities, policy: rule, notReady } = policy;
  return plain({ images, match, mode, authorities, ...defined('rule', rule), notReady });
}
