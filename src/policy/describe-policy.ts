/** What a policy demands, in sentences: for whoever has to live with it. Nothing is decided by them. */
import { digestOf } from '../kernel/digest.ts';
import { quoted } from '../kernel/failure.ts';
import type { Identity, LabelSelector, MatchRule, SignatureSource, TextMatch } from './model.ts';
import type {
  CodeSource,
  KeySource,
  ParsedAttestation,
  ParsedAuthority,
  ParsedCode,
  ParsedKeyAuthority,
  ParsedKeylessAuthority,
} from './parse-authority.ts';
import type { ParsedObjectPolicy, ParsedPolicy } from './parse-cluster-image-policy.ts';

export interface DescribedPolicy {
  /** Which images it is about, and on whose behalf. */
  readonly applies: string;
  /** One for each authority. */
  readonly authorities: readonly string[];
  /** What must be so besides. */
  readonly besides: readonly string[];
  readonly consequence: string;
  /** Each once, sorted. */
  readonly trustRoots: readonly string[];
}

export function describePolicy(policy: ParsedPolicy): DescribedPolicy {
  const { images, match, mode, authorities } = policy;
  const globs = images.map(({ source }) => quoted(source)).join(' or ');
  const only = match.length === 0 ? '' : `, in ${match.map(describeRule).join(' or ')}`;
  return {
    applies: `It is about images that match ${globs}${only}.`,
    authorities: authorities.map(describeAuthority),
    besides: policy.policy === undefined ? [] : [describeObjectPolicy(policy.policy)],
    consequence:
      mode === 'warn'
        ? 'An image that does not pass is admitted with a warning (mode: warn).'
        : 'An image that does not pass is refused.',
    trustRoots: [...new Set(authorities.flatMap(trustRootsOf))].sort(),
  };
}

/** The same as lines of text. */
export function policySentences(policy: ParsedPolicy): readonly string[] {
  const { applies, authorities, besides, consequence, trustRoots } = describePolicy(policy);
  const [only] = authorities;
  const ways =
    only !== undefined && authorities.length === 1
      ? [`It passes ${only}`]
      : ['It passes in one of these cases:', ...authorities.map((way) => `- ${way}`)];
  const roots = trustRoots.length === 0 ? [] : [`It uses ${trustRoots.map(describeRoot).join(', ')}.`];
  return [applies, ...ways, ...besides, consequence, ...roots];
}

function describeRule({ group = '', version, resource, selector }: MatchRule): string {
  if (resource === undefined) return 'nothing (a rule without resource)';
  const kind = [quoted(resource), group].filter((part) => part !== '').join('.');
  return `${kind}${version === undefined || version === '*' ? '' : `/${quoted(version)}`}${describeSelector(selector)}`;
}

function describeSelector(selector: LabelSelector | undefined): string {
  if (selector === undefined) return '';
  const labels = Object.entries(selector.matchLabels).map(([key, value]) => `${quoted(key)}=${quoted(value)}`);
  const rules = selector.matchExpressions.map(({ key, operator, values }) =>
    `${quoted(key)} ${operator} ${values.map((value) => quoted(value)).join('|')}`.trim(),
  );
  const all = [...labels, ...rules];
  return all.length === 0 ? '' : ` with labels ${all.join(', ')}`;
}

function describeAuthority(authority: ParsedAuthority): string {
  switch (authority.kind) {
    case 'static': {
      const why = authority.message === '' ? '' : `: ${quoted(authority.message)}`;
      return authority.action === 'pass'
        ? 'always, without a signature (static: pass).'
        : `never (static: fail${why}).`;
    }
    case 'key':
    case 'keyless':
      return `when ${describeProof(authority)} (authority ${quoted(authority.name)}).`;
  }
}

function describeProof(authority: ParsedKeyAuthority | ParsedKeylessAuthority): string {
  const signer = authority.kind === 'key' ? describeKeys(authority.key) : describeIdentities(authority);
  const { attestations } = authority;
  const what =
    attestations.length === 0
      ? `it is signed by ${signer}`
      : `it has, signed by ${signer}, ${attestations.map(describeAttestation).join(', and ')}`;
  return [what, ...conditionsOf(authority)].join('; ');
}

function describeKeys(key: KeySource): string {
  switch (key.kind) {
    case 'pem':
      return `the public key in the policy (SHA-256 of the text ${digestOf(key.text).slice('sha256:'.length, 19)}…)`;
    case 'secret':
      return `the public key in the Secret ${quoted(key.name)}`;
    case 'kms':
      return `the key ${quoted(key.uri)}`;
    case 'none':
      return 'a key that is not given';
  }
}

function describeIdentities({ identities, caCert }: ParsedKeylessAuthority): string {
  const who = identities.map(describeIdentity).join(' or ');
  return `${who === '' ? 'any identity' : who}, with a certificate of ${caCert === undefined ? 'Fulcio' : 'the CA in the policy'}`;
}

function describeIdentity({ issuer, subject }: Identity): string {
  return `${describeText(subject)} as ${describeText(issuer)} knows it`;
}

function describeText(match: TextMatch): string {
  switch (match.kind) {
    case 'exact':
      return quoted(match.text);
    case 'below':
      return `${quoted(match.prefix)}*`;
    case 'regexp':
      return `/${quoted(match.pattern.source)}/`;
  }
}

function describeAttestation({ name, predicateType, policy }: ParsedAttestation): string {
  const code = policy === undefined ? '' : ` that passes ${describeCode(policy)}`;
  return `an attestation of type ${quoted(predicateType)}${code} (${quoted(name)})`;
}

function describeCode({ language, source }: ParsedCode): string {
  return `this ${{ cue: 'CUE', rego: 'Rego', cel: 'CEL' }[language]}${describeCodeSource(source)}`;
}

function describeCodeSource(source: CodeSource): string {
  switch (source.kind) {
    case 'data':
      return ` (${lineCount(source.text)} in the policy)`;
    case 'config-map':
      return ` from the ConfigMap ${quoted(source.name)}${source.key === undefined ? '' : `, key ${quoted(source.key)}`}`;
    case 'remote':
      return ` from ${quoted(source.url)}, SHA-256 ${source.sha256.slice(0, 12)}…`;
    case 'none':
      return ', which is not given';
  }
}

function lineCount(text: string): string {
  const count = text.trim().split('\n').length;
  return `${count} ${count === 1 ? 'line' : 'lines'}`;
}

function conditionsOf(authority: ParsedKeyAuthority | ParsedKeylessAuthority): readonly string[] {
  const { source, ctlog, timestampTrustRootRef, signatureFormat } = authority;
  return [
    ...(ctlog?.url === undefined ? [] : [`it is logged at ${quoted(ctlog.url)}`]),
    ...(timestampTrustRootRef === undefined ? [] : [`it has a timestamp of ${describeRoot(timestampTrustRootRef)}`]),
    ...(signatureFormat === undefined ? [] : [`only the format ${signatureFormat} counts`]),
    ...(authority.kind === 'keyless' && authority.insecureIgnoreSct
      ? ['its certificate need not be in a public log']
      : []),
    ...(source === undefined ? [] : [describeSource(source)]),
  ];
}

function describeSource({ oci, tagPrefix, pullSecrets }: SignatureSource): string {
  const place = oci === undefined ? 'beside the image' : `in ${quoted(oci)}`;
  const prefix = tagPrefix === undefined ? '' : `, under tags that begin with ${quoted(tagPrefix)}`;
  const secrets =
    pullSecrets.length === 0 ? '' : `, fetched with ${pullSecrets.map((name) => quoted(name)).join(', ')}`;
  return `signatures are looked for ${place}${prefix}${secrets}`;
}

const inputs = [
  ['fetchConfigFile', "the image's configuration"],
  ['includeSpec', "the object's spec"],
  ['includeObjectMeta', "the object's metadata"],
  ['includeTypeMeta', "the object's kind"],
] as const;

function describeObjectPolicy(policy: ParsedObjectPolicy): string {
  const seen = ['what the authorities have proven', ...inputs.flatMap(([flag, what]) => (policy[flag] ? [what] : []))];
  return `Then ${seen.join(', ')} must pass ${describeCode(policy)}.`;
}

function trustRootsOf(authority: ParsedAuthority): readonly string[] {
  if (authority.kind === 'static') return [];
  const named = [authority.ctlog?.trustRootRef, authority.timestampTrustRootRef];
  const roots = named.filter((name) => name !== undefined);
  if (authority.kind === 'key') return roots;
  const own = authority.trustRootRef ?? (authority.caCert === undefined ? '' : undefined);
  return own === undefined ? roots : [...roots, own];
}

/** The empty name: the public-good instance. */
function describeRoot(name: string): string {
  return name === '' ? 'the public-good Sigstore' : `the TrustRoot ${quoted(name)}`;
}
