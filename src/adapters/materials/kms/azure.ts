/** Azure Key Vault and Managed HSM: `azurekms://VAULT_HOST/KEY[/VERSION]`; without a version, the newest. */
import type { AzureTokenSource } from '../../cloud/azure-token.ts';
import type { Asked, Env } from '../../cloud/exchange.ts';
import { jsonAnswer, textOf, type JsonAnswer, type Members } from '../../cloud/json-reply.ts';
import { asRecord } from '../../../kernel/strict-json.ts';
import { ok } from '../../../kernel/result.ts';
import { gone, outage, type LookedUp } from '../looked-up.ts';
import { pemOfJwk } from './public-key-text.ts';

const form = /^azurekms:\/\/([^/]+)\/([0-9A-Za-z-]{1,127})(?:\/([a-z0-9]*))?$/;

/** A token is sent there, so it goes to hosts of Azure only, and to the one that whoever runs Countersign has named. */
const domains = ['vault.azure.net', 'managedhsm.azure.net', 'vault.azure.cn', 'vault.usgovcloudapi.net'];

export async function azurePublicKey(
  uri: string,
  { env, azureToken }: { readonly env: Env; readonly azureToken: AzureTokenSource },
  signal: AbortSignal,
): Promise<LookedUp> {
  const [, host = '', key = '', version = ''] = form.exec(uri) ?? [];
  if (key === '') return gone('expected azurekms://VAULT_HOST/KEY, and maybe /VERSION');
  const place = placeOf(host, env);
  if (place === undefined) return gone(`its host is none of ${domains.map((domain) => `*.${domain}`).join(', ')}`);
  const token = await azureToken(place.scope, signal);
  if (!token.ok) return outage(token.failure);
  const url = new URL(version === '' ? `/keys/${key}` : `/keys/${key}/${version}`, place.url);
  url.searchParams.set('api-version', '7.4');
  const headers = { authorization: `Bearer ${token.value}` };
  const answer = await jsonAnswer({ what: 'Azure Key Vault', url, place: place.place, headers }, signal);
  return answer.ok ? keyIn(answer.value) : outage(answer.failure);
}

function placeOf(host: string, env: Env): (Pick<Asked, 'url' | 'place'> & { readonly scope: string }) | undefined {
  const named = env['AZURE_KEYVAULT_URL'];
  if (named !== undefined && URL.canParse(named) && new URL(named).host === host)
    return { url: new URL(named), place: 'named', scope: scopeOf('vault.azure.net') };
  const domain = domains.find((candidate) => host.toLowerCase().endsWith(`.${candidate}`));
  if (domain === undefined || !/^[0-9A-Za-z.-]+$/.test(host)) return undefined;
  return { url: new URL(`https://${host}/`), place: 'public', scope: scopeOf(domain) };
}

function scopeOf(domain: string): string {
  return `https://${domain}/.default`;
}

function keyIn({ status, members, sentence }: JsonAnswer): LookedUp {
  if (status !== 200) return status === 404 ? gone(sentence) : outage(sentence);
  if (asRecord(members?.['attributes'])?.['enabled'] === false) return gone('the key in Azure Key Vault is disabled');
  const pem = jwkPem(asRecord(members?.['key']));
  return pem === undefined ? outage('Azure Key Vault answered without a public key') : ok(pem);
}

/** Keys in a hardware module say so in their type. */
function jwkPem(key: Members | undefined): string | undefined {
  const kty = textOf(key, 'kty')?.replace(/-HSM$/, '');
  if (kty === undefined) return undefined;
  const numbers = ['n', 'e', 'crv', 'x', 'y'].map((name) => [name, textOf(key, name)] as const);
  return pemOfJwk({ kty, ...Object.fromEntries(numbers.filter(([, value]) => value !== undefined)) });
}
