/**
 * HashiCorp Vault and OpenBao: `hashivault://KEY` in the transit engine at TRANSIT_SECRET_ENGINE_PATH. The token is in
 * VAULT_TOKEN, or comes of a login with the service account's own token (VAULT_KUBERNETES_ROLE).
 */
import { readFile } from 'node:fs/promises';
import type { Asked, Env } from '../../cloud/exchange.ts';
import { jsonAnswer, jsonReply, textOf, type JsonAnswer, type Members } from '../../cloud/json-reply.ts';
import { keptUntilExpiry, type Expiring } from '../../cloud/kept-until-expiry.ts';
import { asRecord } from '../../../kernel/strict-json.ts';
import { quoted } from '../../../kernel/failure.ts';
import { fail, ok, type Result } from '../../../kernel/result.ts';
import { gone, outage, type LookedUp } from '../looked-up.ts';
import { pemOfEd25519, pemOfPem } from './public-key-text.ts';

const form = /^hashivault:\/\/(\w(?:[\w.-]*\w)?)$/;
const pathForm = /^[\w-]+(?:\/[\w-]+)*$/;

export type VaultTokenSource = (signal: AbortSignal) => Promise<Result<string, string>>;

export async function vaultPublicKey(
  uri: string,
  { env, vaultToken }: { readonly env: Env; readonly vaultToken: VaultTokenSource },
  signal: AbortSignal,
): Promise<LookedUp> {
  const key = form.exec(uri)?.[1];
  if (key === undefined) return gone('expected hashivault://KEY');
  const engine = (env['TRANSIT_SECRET_ENGINE_PATH'] || 'transit').replace(/^\/+|\/+$/g, '');
  if (!pathForm.test(engine)) return gone('TRANSIT_SECRET_ENGINE_PATH is no path');
  const server = await vaultServer(env);
  if (!server.ok) return outage(server.failure);
  const token = await vaultToken(signal);
  if (!token.ok) return outage(token.failure);
  const answer = await jsonAnswer(server.value(`${engine}/keys/${key}`, { 'x-vault-token': token.value }), signal);
  return answer.ok ? keyIn(answer.value) : outage(answer.failure);
}

/** Keeps what a login gave until shortly before it expires. */
export function vaultToken(env: Env): VaultTokenSource {
  const login = keptUntilExpiry((signal) => logIn(env, signal));
  const fixed = env['VAULT_TOKEN'] || env['BAO_TOKEN'];
  return fixed ? () => Promise.resolve(ok(fixed)) : login;
}

type Ask = (path: string, headers: Readonly<Record<string, string>>) => Asked;

async function vaultServer(env: Env): Promise<Result<Ask, string>> {
  const address = env['VAULT_ADDR'] || env['BAO_ADDR'];
  if (!address || !URL.canParse(address)) return fail('VAULT_ADDR does not hold the address of Vault');
  const file = env['VAULT_CACERT'] || env['BAO_CACERT'];
  const ca = file ? await readText(file, 'VAULT_CACERT') : ok(undefined);
  if (!ca.ok) return ca;
  const namespace = env['VAULT_NAMESPACE'] || env['BAO_NAMESPACE'];
  return ok((path, headers) => ({
    what: 'Vault',
    url: new URL(`/v1/${path}`, address),
    place: 'named',
    headers: { 'x-vault-request': 'true', ...(namespace ? { 'x-vault-namespace': namespace } : {}), ...headers },
    ...(ca.value === undefined ? {} : { ca: ca.value }),
    maxBytes: 1024 * 1024,
  }));
}

async function logIn(env: Env, signal: AbortSignal): Promise<Result<Expiring<string>, string>> {
  const role = env['VAULT_KUBERNETES_ROLE'];
  if (!role) return fail('there is no token for Vault: set VAULT_TOKEN, or VAULT_KUBERNETES_ROLE for a login');
  const mount = env['VAULT_KUBERNETES_MOUNT'] || 'kubernetes';
  if (!pathForm.test(mount)) return fail('VAULT_KUBERNETES_MOUNT is no path');
  const file = env['VAULT_KUBERNETES_TOKEN_FILE'] || '/var/run/secrets/kubernetes.io/serviceaccount/token';
  const [server, jwt] = await Promise.all([vaultServer(env), readText(file, 'the token of the service account')]);
  if (!server.ok) return server;
  if (!jwt.ok) return jwt;
  const asked = server.value(`auth/${mount}/login`, { 'content-type': 'application/json' });
  const body = JSON.stringify({ role, jwt: jwt.value.trim() });
  const got = await jsonReply({ ...asked, method: 'POST', body }, signal);
  if (!got.ok) return got;
  const auth = asRecord(got.value['auth']);
  const value = textOf(auth, 'client_token');
  const seconds = Number(auth?.['lease_duration']);
  if (value === undefined) return fail('Vault answered the login without a token');
  return ok({ value, expires: Date.now() + (seconds > 0 ? seconds : 60) * 1_000 });
}

async function readText(file: string, what: string): Promise<Result<string, string>> {
  try {
    return ok(await readFile(file, 'utf8'));
  } catch {
    return fail(`${what} cannot be read from ${quoted(file)}`);
  }
}

/** The newest version, as in cosign. */
function keyIn({ status, members, sentence }: JsonAnswer): LookedUp {
  if (status !== 200) return status === 404 ? gone(sentence) : outage(sentence);
  const data = asRecord(members?.['data']);
  const version = asRecord(asRecord(data?.['keys'])?.[latestOf(data)]);
  if (version === undefined) return outage('Vault answered without the key');
  const written = textOf(version, 'public_key');
  if (written === undefined) return gone('the key in Vault has no public key: it is not one for signatures');
  const pem = [version['name'], data?.['type']].includes('ed25519') ? pemOfEd25519(written) : pemOfPem(written);
  return pem === undefined ? outage('Vault answered without a public key') : ok(pem);
}

function latestOf(data: Members | undefined): string {
  const latest = data?.['latest_version'];
  return typeof latest === 'number' || typeof latest === 'string' ? String(latest) : '';
}
