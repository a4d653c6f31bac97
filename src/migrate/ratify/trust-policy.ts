/** `trustPolicies` of Ratify's cosign verifier. pkg/verifier/cosign/trustpolicy.go and trustpolicies.go */
import { defined } from '../../kernel/defined.ts';
import { quoted } from '../../kernel/failure.ts';
import { atLeast, impossible, type Demand } from '../demand.ts';
import { identityTexts, keyDemand, keyDemands, keylessDemand, publicLog, type KeyOptions } from '../key-authority.ts';
import type { Json, Notebook } from '../model.ts';
import { isThere, listAt, memberOf, noText, recordAt, strangerIn, textAt, textsAt } from '../read-json.ts';

/** KeyManagementProviders by name; with their namespace too. */
export type Providers = ReadonlyMap<string, Json>;

const byHand = 'write the policy by hand: docs/write-a-policy.md';

export interface Scoped {
  readonly name: string;
  readonly scopes: readonly string[];
  readonly demand: Demand;
}

export function scopedDemand(policy: unknown, providers: Providers, notebook: Notebook): Scoped {
  const name = textAt(policy, 'name') ?? 'policy';
  const written = memberOf(policy, 'scopes');
  const scopes = textsAt(policy, 'scopes');
  const isList = Array.isArray(written) && scopes.length === written.length && scopes.length > 0;
  // A scope that cannot be read could be any.
  return { name, scopes: isList ? scopes : ['*'], demand: demandOf(policy, isList, providers, notebook) };
}

const members = ['version', 'name', 'scopes', 'keys', 'keyless', 'tLogVerify', 'rekorURL', 'enforcement'];

function demandOf(policy: unknown, hasScopes: boolean, providers: Providers, notebook: Notebook): Demand {
  const stranger = strangerIn(policy, members, 'the trust policy') ?? noText(policy, ['rekorURL'], 'the trust policy');
  if (stranger !== undefined || !hasScopes)
    return impossible(notebook, stranger ?? 'the trust policy has no scopes that can be read', byHand);
  const hasKeys = isThere(policy, 'keys');
  if (hasKeys === isThere(policy, 'keyless'))
    return impossible(notebook, 'the trust policy has not one of keys and keyless', 'correct it and run this again');
  const logUrl = memberOf(policy, 'tLogVerify') === false ? undefined : (textAt(policy, 'rekorURL') ?? publicLog);
  if (!hasKeys) return keylessPolicy(memberOf(policy, 'keyless'), logUrl, notebook);
  const keys = listAt(policy, 'keys') ?? [];
  if (keys.length === 0) return impossible(notebook, 'keys is no list', 'correct it and run this again');
  const demands = keys.flatMap((key) => keyEntryDemands(key, defined('logUrl', logUrl), providers, notebook));
  return atLeast(1, demands);
}

function keyEntryDemands(
  key: unknown,
  options: KeyOptions,
  providers: Providers,
  notebook: Notebook,
): readonly Demand[] {
  const stranger = strangerIn(key, ['provider', 'name', 'version', 'file'], 'a key');
  if (stranger !== undefined) return [impossible(notebook, stranger, byHand)];
  const file = textAt(key, 'file');
  const name = textAt(key, 'provider') ?? '';
  const provider = providers.get(name);
  if (file !== undefined || provider === undefined)
    return [
      impossible(
        notebook,
        file === undefined
          ? `there is no KeyManagementProvider "${quoted(name, 100)}"`
          : `the key is in the file ${quoted(file, 100)} of Ratify`,
        'put the PEM text of the public key into key.data of this policy',
      ),
    ];
  return providerDemands(name, provider, key, options, notebook);
}

function providerDemands(
  name: string,
  provider: Json,
  key: unknown,
  options: KeyOptions,
  notebook: Notebook,
): readonly Demand[] {
  const parameters = recordAt(provider, 'spec', 'parameters');
  const type = textAt(recordAt(provider, 'spec'), 'type');
  const value = textAt(parameters, 'value');
  if (type === 'inline' && textAt(parameters, 'contentType') === 'key' && value !== undefined)
    return keyDemands(name, value, options, notebook);
  const vault = vaultOf(parameters);
  if (type === 'azurekeyvault' && vault !== undefined) {
    const wanted = textAt(key, 'name');
    const listed = listAt(parameters, 'keys') ?? [];
    const entries = wanted === undefined ? listed : listed.filter((entry) => textAt(entry, 'name') === wanted);
    const uris = entries.map((entry) => azureUri(vault, entry, textAt(key, 'version')));
    if (uris.length > 0) return uris.map((kms) => keyDemand(name, { kms }, options));
  }
  return [
    impossible(
      notebook,
      `KeyManagementProvider ${quoted(name, 100)} holds no public keys that are known here`,
      'put the PEM text of the public key into key.data of this policy',
    ),
  ];
}

function vaultOf(parameters: Json | undefined): string | undefined {
  const uri = textAt(parameters, 'vaultURI') ?? '';
  return URL.canParse(uri) ? new URL(uri).host : undefined;
}

function azureUri(vault: string, entry: unknown, version: string | undefined): string {
  const exact = version ?? textAt(entry, 'version');
  return `azurekms://${vault}/${textAt(entry, 'name') ?? ''}${exact === undefined ? '' : `/${exact}`}`;
}

const keylessTexts = [
  'certificateIdentity',
  'certificateIdentityRegExp',
  'certificateOIDCIssuer',
  'certificateOIDCIssuerRegExp',
];

function keylessPolicy(keyless: unknown, logUrl: string | undefined, notebook: Notebook): Demand {
  const problem =
    strangerIn(keyless, [...keylessTexts, 'ctLogVerify'], 'keyless') ?? noText(keyless, keylessTexts, 'keyless');
  const subject = identityTexts(keyless, 'certificateIdentity', 'certificateIdentityRegExp');
  const issuer = identityTexts(keyless, 'certificateOIDCIssuer', 'certificateOIDCIssuerRegExp');
  const isOne = [subject, issuer].every((texts) => texts !== undefined && Object.keys(texts).length === 1);
  if (problem !== undefined || !isOne || subject === undefined || issuer === undefined)
    return impossible(notebook, problem ?? 'keyless does not name one identity and one issuer', byHand);
  const ignoresSct = memberOf(keyless, 'ctLogVerify') === false;
  return keylessDemand(
    'keyless',
    { identities: [{ issuer, subject }], ignoresSct, ...defined('logUrl', logUrl) },
    notebook,
  );
}
