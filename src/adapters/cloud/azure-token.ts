/**
 * An access token of Microsoft Entra ID: by workload identity (a token in a file), by a client secret, or of the machine's
 * managed identity. Names of variables are those of the Azure SDKs.
 */
import { readFile } from 'node:fs/promises';
import { quoted } from '../../kernel/failure.ts';
import { fail, ok, type Result } from '../../kernel/result.ts';
import type { Asked, Env } from './exchange.ts';
import { jsonReply, textOf, type Members } from './json-reply.ts';
import { keptUntilExpiry, type Expiring } from './kept-until-expiry.ts';

export type AzureTokenSource = (scope: string, signal: AbortSignal) => Promise<Result<string, string>>;

type Found = Result<Expiring<string>, string>;

/** A scope is e.g. "https://vault.azure.net/.default". Keeps the token of each until shortly before it expires. */
export function azureAccessToken(env: Env): AzureTokenSource {
  const known = new Map<string, (signal: AbortSignal) => Promise<Result<string, string>>>();
  return async (scope, signal) => {
    const source = known.get(scope) ?? keptUntilExpiry((within) => fetchToken(env, scope, within));
    known.set(scope, source);
    return await source(signal);
  };
}

async function fetchToken(env: Env, scope: string, signal: AbortSignal): Promise<Found> {
  const { AZURE_TENANT_ID: tenant, AZURE_CLIENT_ID: client } = env;
  const { AZURE_CLIENT_SECRET: secret, AZURE_FEDERATED_TOKEN_FILE: file } = env;
  if (tenant && client && file) {
    const assertion = await readToken(file);
    if (!assertion.ok) return assertion;
    const type = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
    const proof = { client_assertion_type: type, client_assertion: assertion.value };
    return await fromEntra(env, tenant, { client_id: client, scope, ...proof }, signal);
  }
  if (tenant && client && secret) {
    return await fromEntra(env, tenant, { client_id: client, scope, client_secret: secret }, signal);
  }
  return await fromMachine(env, scope, signal);
}

const tokenService = 'the token service of Azure';

async function fromEntra(env: Env, tenant: string, form: Record<string, string>, signal: AbortSignal): Promise<Found> {
  const named = env['AZURE_AUTHORITY_HOST'];
  const authority = named ?? 'https://login.microsoftonline.com/';
  if (!URL.canParse(authority)) return fail('AZURE_AUTHORITY_HOST is no address');
  const base = authority.endsWith('/') ? authority : `${authority}/`;
  const asked: Asked = {
    what: tokenService,
    url: new URL(`${encodeURIComponent(tenant)}/oauth2/v2.0/token`, base),
    place: named === undefined ? 'public' : 'named',
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ grant_type: 'client_credentials', ...form }).toString(),
  };
  const got = await jsonReply(asked, signal);
  return got.ok ? tokenIn(got.value, tokenService) : got;
}

async function fromMachine(env: Env, scope: string, signal: AbortSignal): Promise<Found> {
  const base = env['AZURE_POD_IDENTITY_AUTHORITY_HOST'] ?? 'http://169.254.169.254';
  if (!URL.canParse(base)) return fail('AZURE_POD_IDENTITY_AUTHORITY_HOST is no address');
  const url = new URL('/metadata/identity/oauth2/token', base);
  url.searchParams.set('api-version', '2018-02-01');
  url.searchParams.set('resource', scope.replace(/\/\.default$/, ''));
  if (env['AZURE_CLIENT_ID']) url.searchParams.set('client_id', env['AZURE_CLIENT_ID']);
  const what = 'the metadata service of Azure';
  const got = await jsonReply({ what, url, place: 'named', headers: { metadata: 'true' } }, signal);
  if (got.ok) return tokenIn(got.value, what);
  return fail(
    `there is no token for Azure: use workload identity, or AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET; ${got.failure}`,
  );
}

/** Entra ID writes seconds as a number, the metadata service as text. */
function tokenIn(answer: Members, what: string): Found {
  const value = textOf(answer, 'access_token');
  if (value === undefined) return fail(`${what} answered without a token`);
  const seconds = Number(answer['expires_in']);
  return ok({ value, expires: Date.now() + (Number.isFinite(seconds) ? seconds : 600) * 1_000 });
}

async function readToken(file: string): Promise<Result<string, string>> {
  try {
    return ok((await readFile(file, 'utf8')).trim());
  } catch {
    return fail(`the token file ${quoted(file)} cannot be read`);
  }
}
