/**
 * An access token for Google Cloud: of a service account's JSON key, of a workload identity federation file (external_account
 * with a token in a file), or of the metadata server, where GKE's workload identity answers.
 */
import { createSign } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { quoted } from '../../kernel/failure.ts';
import { fail, ok, type Result } from '../../kernel/result.ts';
import { asRecord, parseStrictJson } from '../../kernel/strict-json.ts';
import type { Asked, Env } from './exchange.ts';
import { jsonReply, textOf, type Members } from './json-reply.ts';
import { keptUntilExpiry, type Expiring } from './kept-until-expiry.ts';

export type GoogleTokenSource = (signal: AbortSignal) => Promise<Result<string, string>>;

type Found = Result<Expiring<string>, string>;

/** Keeps the token until shortly before it expires. */
export function googleAccessToken(env: Env): GoogleTokenSource {
  return keptUntilExpiry(async (signal) => {
    const file = env['GOOGLE_APPLICATION_CREDENTIALS'];
    if (file === undefined || file === '') return await fromMetadata(env, signal);
    const read = await readCredentials(file);
    if (!read.ok) return read;
    const type = textOf(read.value, 'type');
    if (type === 'service_account') return await fromKey(read.value, signal);
    if (type === 'external_account') return await fromFederation(read.value, signal);
    return fail(
      `GOOGLE_APPLICATION_CREDENTIALS holds credentials of type "${quoted(type ?? '', 64)}"; service_account and external_account are understood`,
    );
  });
}

const scope = 'https://www.googleapis.com/auth/cloud-platform';
const tokenService = 'the token service of Google';

async function readCredentials(file: string): Promise<Result<Members, string>> {
  try {
    const json = parseStrictJson(await readFile(file, 'utf8'));
    const members = json.ok ? asRecord(json.value) : undefined;
    return members === undefined ? fail(`${quoted(file)} holds no JSON object`) : ok(members);
  } catch {
    return fail(`the credentials file ${quoted(file)} cannot be read`);
  }
}

async function fromMetadata(env: Env, signal: AbortSignal): Promise<Found> {
  const host = env['GCE_METADATA_HOST'] ?? '169.254.169.254';
  const address = `http://${host}/computeMetadata/v1/instance/service-accounts/default/token`;
  if (!URL.canParse(address)) return fail('GCE_METADATA_HOST is no host');
  const asked: Asked = {
    what: 'the metadata server of Google Cloud',
    url: new URL(address),
    place: 'named',
    headers: { 'metadata-flavor': 'Google' },
  };
  const got = await jsonReply(asked, signal);
  if (got.ok) return tokenIn(got.value, asked.what);
  return fail(
    `there is no token for Google Cloud: use workload identity or GOOGLE_APPLICATION_CREDENTIALS; ${got.failure}`,
  );
}

/** RFC 7523: a JWT that the account's own key signed. */
async function fromKey(key: Members, signal: AbortSignal): Promise<Found> {
  const issuer = textOf(key, 'client_email');
  const privateKey = textOf(key, 'private_key');
  const address = textOf(key, 'token_uri') ?? 'https://oauth2.googleapis.com/token';
  if (issuer === undefined || privateKey === undefined || !URL.canParse(address))
    return fail('GOOGLE_APPLICATION_CREDENTIALS lacks client_email, private_key or a token_uri that is an address');
  const issued = Math.floor(Date.now() / 1_000);
  const assertion = signedJwt(
    {
      alg: 'RS256',
      typ: 'JWT',
      ...(textOf(key, 'private_key_id') === undefined ? {} : { kid: key['private_key_id'] }),
    },
    { iss: issuer, scope, aud: address, iat: issued, exp: issued + 3_600 },
    privateKey,
  );
  if (assertion === undefined) return fail('private_key in GOOGLE_APPLICATION_CREDENTIALS is no RSA key');
  const grant = { grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion };
  return await exchangeForm(address, grant, signal);
}

function signedJwt(header: Members, claims: Members, privateKey: string): string | undefined {
  const encoded = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
  try {
    return `${encoded}.${createSign('RSA-SHA256').update(encoded).sign(privateKey, 'base64url')}`;
  } catch {
    return undefined;
  }
}

/** RFC 8693: a token from a file for one of Google's; then, where the file says so, for one of a service account. */
async function fromFederation(config: Members, signal: AbortSignal): Promise<Found> {
  const file = textOf(asRecord(config['credential_source']), 'file');
  const audience = textOf(config, 'audience');
  const address = textOf(config, 'token_url') ?? 'https://sts.googleapis.com/v1/token';
  if (file === undefined || audience === undefined || !URL.canParse(address))
    return fail(
      'of external_account credentials only those with credential_source.file and an audience are understood',
    );
  const subject = await readSubject(file, asRecord(asRecord(config['credential_source'])?.['format']));
  if (!subject.ok) return subject;
  const got = await exchangeForm(
    address,
    {
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      requested_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      subject_token_type: textOf(config, 'subject_token_type') ?? 'urn:ietf:params:oauth:token-type:jwt',
      audience,
      scope,
      subject_token: subject.value,
    },
    signal,
  );
  const impersonate = textOf(config, 'service_account_impersonation_url');
  return got.ok && impersonate !== undefined ? await impersonated(impersonate, got.value.value, signal) : got;
}

async function impersonated(address: string, token: string, signal: AbortSignal): Promise<Found> {
  if (!URL.canParse(address)) return fail('service_account_impersonation_url is no address');
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const body = JSON.stringify({ scope: [scope] });
  // Whoever wrote the credentials file named it.
  const asked: Asked = { what: tokenService, url: new URL(address), place: 'named', method: 'POST', headers, body };
  const got = await jsonReply(asked, signal);
  if (!got.ok) return got;
  const value = textOf(got.value, 'accessToken');
  const expires = Date.parse(textOf(got.value, 'expireTime') ?? '');
  if (value === undefined || !Number.isFinite(expires)) return fail(`${tokenService} answered without a token`);
  return ok({ value, expires });
}

async function readSubject(file: string, format: Members | undefined): Promise<Result<string, string>> {
  try {
    const text = (await readFile(file, 'utf8')).trim();
    if (textOf(format, 'type') !== 'json') return ok(text);
    const json = parseStrictJson(text);
    const found = textOf(json.ok ? asRecord(json.value) : undefined, textOf(format, 'subject_token_field_name') ?? '');
    return found === undefined ? fail(`the token file ${quoted(file)} holds no token`) : ok(found);
  } catch {
    return fail(`the token file ${quoted(file)} cannot be read`);
  }
}

async function exchangeForm(address: string, form: Record<string, string>, signal: AbortSignal): Promise<Found> {
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  const body = new URLSearchParams(form).toString();
  // Whoever wrote the credentials file named it.
  const asked: Asked = { what: tokenService, url: new URL(address), place: 'named', method: 'POST', headers, body };
  const got = await jsonReply(asked, signal);
  return got.ok ? tokenIn(got.value, tokenService) : got;
}

function tokenIn(answer: Members, what: string): Found {
  const value = textOf(answer, 'access_token');
  const seconds = answer['expires_in'];
  if (value === undefined) return fail(`${what} answered without a token`);
  return ok({ value, expires: Date.now() + (typeof seconds === 'number' ? seconds : 600) * 1_000 });
}
