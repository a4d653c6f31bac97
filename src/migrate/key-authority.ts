/** Keys and identities, which the products have under different names. */
import { defined } from '../kernel/defined.ts';
import { authority, impossible, type Demand } from './demand.ts';
import { escaped, wildcardExpression } from './globs.ts';
import type { Json, Notebook } from './model.ts';
import { textAt } from './read-json.ts';

export const publicLog = 'https://rekor.sigstore.dev';

export interface KeyOptions {
  readonly hashAlgorithm?: string;
  /** Absent: the log is not asked for. */
  readonly logUrl?: string;
  readonly source?: Json;
  readonly signatureFormat?: 'bundle';
}

const pemBlock = /-----BEGIN [A-Z0-9 ]+-----[^-]*-----END [A-Z0-9 ]+-----/g;
const kmsScheme = /^(?:awskms|gcpkms|azurekms|hashivault):\/\//;

/** One demand per key of a text that holds PEM blocks, an address of a key service, or k8s://NAMESPACE/NAME. */
export function keyDemands(name: string, text: string, options: KeyOptions, notebook: Notebook): readonly Demand[] {
  const blocks = text.match(pemBlock) ?? [];
  if (blocks.length > 0) {
    const rest = text.replaceAll(pemBlock, '').trim();
    if (rest === '') return blocks.map((block) => keyDemand(name, { data: `${block}\n` }, options));
    return [impossible(notebook, `${name}: there is text beside the keys`, 'leave nothing but keys in it')];
  }
  return [oneKey(name, text.trim(), options, notebook)];
}

function oneKey(name: string, text: string, options: KeyOptions, notebook: Notebook): Demand {
  if (kmsScheme.test(text)) return keyDemand(name, { kms: text }, options);
  const [, namespace, secret] = /^k8s:\/\/([^/\s]+)\/([^/\s]+)$/.exec(text) ?? [];
  if (namespace !== undefined && secret !== undefined)
    return secretDemand(name, { namespace, secret }, options, notebook);
  return impossible(
    notebook,
    `${name}: its key is neither PEM, nor k8s://NAMESPACE/NAME, nor of a key service`,
    'put the PEM text of the public key into key.data of this policy',
  );
}

export function keyDemand(name: string, key: Json, options: KeyOptions): Demand {
  const { hashAlgorithm, logUrl, source, signatureFormat } = options;
  return authority(name, {
    key: { ...key, ...defined('hashAlgorithm', hashAlgorithm) },
    ...defined('ctlog', logUrl === undefined ? undefined : { url: logUrl }),
    ...defined('source', source === undefined ? undefined : [source]),
    ...defined('signatureFormat', signatureFormat),
  });
}

export function secretDemand(
  name: string,
  { namespace, secret }: { readonly namespace: string; readonly secret: string },
  options: KeyOptions,
  notebook: Notebook,
): Demand {
  notebook.warning(
    `${name}: the key is in Secret ${namespace}/${secret}, and policies here read Secrets of their own namespace, with one entry`,
    `kubectl -n ${namespace} get secret ${secret} -o jsonpath='{.data.cosign\\.pub}' | base64 -d > cosign.pub && kubectl -n countersign-system create secret generic ${secret} --from-file=cosign.pub`,
  );
  return keyDemand(name, { secretRef: { name: secret } }, options);
}

export interface IdentityText {
  readonly exact?: string;
  readonly regexp?: string;
  /** With `*` and `?`. */
  readonly wildcard?: string;
}

/** Members `subject` or `subjectRegExp`; nothing at all is any. */
function identityMember(member: 'issuer' | 'subject', text: IdentityText): Json {
  const { exact, regexp, wildcard } = text;
  if (regexp !== undefined) return { [`${member}RegExp`]: regexp };
  if (wildcard !== undefined && /[*?]/.test(wildcard)) return { [`${member}RegExp`]: wildcardExpression(wildcard) };
  const literal = exact ?? wildcard;
  if (literal === undefined) return { [`${member}RegExp`]: '.*' };
  // An exact subject that ends in a star would mean all below it.
  return literal.includes('*') ? { [`${member}RegExp`]: `^${escaped(literal)}$` } : { [member]: literal };
}

export interface KeylessOptions extends Omit<KeyOptions, 'hashAlgorithm'> {
  /** Alternatives. */
  readonly identities: readonly { readonly issuer: IdentityText; readonly subject: IdentityText }[];
  /** PEM certificates that are the only accepted CAs. */
  readonly roots?: string;
  readonly ignoresSct: boolean;
}

/** Without identities nobody satisfies it. */
export function keylessDemand(name: string, options: KeylessOptions, notebook: Notebook): Demand {
  const { identities, roots, ignoresSct, logUrl, source, signatureFormat } = options;
  if (logUrl === undefined)
    notebook.lost(
      `${name} accepted keyless signatures without entry in the log; here they need one`,
      'sign with the log, or with a timestamp authority that a TrustRoot names (docs/trust-roots.md)',
    );
  noteAnybody(name, identities, notebook);
  const url = logUrl === publicLog ? undefined : logUrl;
  return authority(name, {
    keyless: {
      ...defined('ca-cert', roots === undefined ? undefined : { data: roots }),
      identities: identities.map(({ issuer, subject }) => ({
        ...identityMember('issuer', issuer),
        ...identityMember('subject', subject),
      })),
      ...(ignoresSct ? { insecureIgnoreSCT: true } : {}),
    },
    ...defined('ctlog', url === undefined ? undefined : { url }),
    ...defined('source', source === undefined ? undefined : [source]),
    ...defined('signatureFormat', signatureFormat),
  });
}

function noteAnybody(name: string, identities: KeylessOptions['identities'], notebook: Notebook): void {
  for (const member of ['issuer', 'subject'] as const)
    if (identities.some((identity) => Object.keys(identity[member]).length === 0))
      notebook.warning(
        `${name} names no ${member}: anybody's does, there as here`,
        `write the ${member} into the policy`,
      );
}

/** The texts of an object that has them under these names; undefined where both are given, which nothing here says. */
export function identityTexts(
  value: unknown,
  exact: string,
  regexp: string,
  as: 'exact' | 'wildcard' = 'exact',
): IdentityText | undefined {
  const [text, expression] = [textAt(value, exact), textAt(value, regexp)];
  if (text !== undefined && expression !== undefined) return undefined;
  return { ...defined(as, text), ...defined('regexp', expression) };
}

export const identityTwice = 'an identity has a text and a pattern for the same member';
