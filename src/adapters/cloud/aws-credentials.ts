/**
 * Credentials for AWS, from where the AWS tools look for them in a container: the environment, a web identity token (IAM
 * roles for service accounts), a container's credentials (ECS, EKS Pod Identity), and at last the machine's own role.
 * Countersign has no shared configuration files.
 */
import { readFile } from 'node:fs/promises';
import { AwsV4Signer } from 'aws4fetch';
import { quoted } from '../../kernel/failure.ts';
import { fail, ok, type Result } from '../../kernel/result.ts';
import { exchange, type Asked, type Env } from './exchange.ts';
import { jsonReply, textOf, type Members } from './json-reply.ts';
import { keptUntilExpiry, type Expiring } from './kept-until-expiry.ts';
import { asRecord } from '../../kernel/strict-json.ts';

export interface AwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

export type AwsCredentialsSource = (signal: AbortSignal) => Promise<Result<AwsCredentials, string>>;

type Found = Result<Expiring<AwsCredentials>, string>;

/** Keeps what it was given until shortly before it expires. */
export function awsCredentials(env: Env): AwsCredentialsSource {
  return keptUntilExpiry(async (signal) => {
    const fixed = fromEnvironment(env);
    if (fixed !== undefined) return ok({ value: fixed, expires: Date.now() + hour });
    if (env['AWS_WEB_IDENTITY_TOKEN_FILE'] !== undefined && env['AWS_ROLE_ARN'] !== undefined) {
      return await fromWebIdentity(env, env['AWS_WEB_IDENTITY_TOKEN_FILE'], env['AWS_ROLE_ARN'], signal);
    }
    const container = containerUrl(env);
    if (container !== undefined) return await fromContainer(env, container, signal);
    return await fromMachine(env, signal);
  });
}

export function awsRegion(env: Env): string | undefined {
  return env['AWS_REGION'] ?? env['AWS_DEFAULT_REGION'];
}

/** The address of a service, and whether whoever runs Countersign named it. */
export function awsEndpoint(env: Env, service: string, region: string): Pick<Asked, 'url' | 'place'> | undefined {
  const named = env[`AWS_ENDPOINT_URL_${service.toUpperCase()}`] ?? env['AWS_ENDPOINT_URL'];
  if (named !== undefined) return URL.canParse(named) ? { url: new URL(named), place: 'named' } : undefined;
  if (!/^[a-z]{2,}(?:-[a-z0-9]+)+$/.test(region)) return undefined;
  const domain = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com';
  return { url: new URL(`https://${service}.${region}.${domain}/`), place: 'public' };
}

export interface AwsCall {
  /** For sentences. */
  readonly what: string;
  readonly endpoint: Pick<Asked, 'url' | 'place' | 'ca'>;
  readonly service: string;
  readonly region: string;
  /** E.g. "TrentService.GetPublicKey". */
  readonly target: string;
  readonly body: string;
}

/** One call of a service that speaks JSON over POST. */
export async function awsCall(
  call: AwsCall,
  credentials: AwsCredentials,
  signal: AbortSignal,
): Promise<Result<Members, string>> {
  return await jsonReply(await signedAwsCall(call, credentials), signal);
}

/** Signature Version 4. */
export async function signedAwsCall(
  { what, endpoint, service, region, target, body }: AwsCall,
  credentials: AwsCredentials,
): Promise<Asked> {
  const signer = new AwsV4Signer({
    method: 'POST',
    url: endpoint.url.href,
    headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': target },
    body,
    service,
    region,
    ...credentials,
  });
  const { headers } = await signer.sign();
  return { what, ...endpoint, method: 'POST', headers: Object.fromEntries(headers), body };
}

const hour = 3_600_000;

function fromEnvironment(env: Env): AwsCredentials | undefined {
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey, AWS_SESSION_TOKEN: session } = env;
  if (!accessKeyId || !secretAccessKey) return undefined;
  return { accessKeyId, secretAccessKey, ...(session ? { sessionToken: session } : {}) };
}

/** AWS STS AssumeRoleWithWebIdentity: the token is the proof, nothing is signed. */
async function fromWebIdentity(env: Env, file: string, role: string, signal: AbortSignal): Promise<Found> {
  const token = await readToken(file);
  if (!token.ok) return token;
  const endpoint = awsEndpoint(env, 'sts', awsRegion(env) ?? 'us-east-1');
  if (endpoint === undefined) return fail('AWS_REGION is no region of AWS, so its token service has no address');
  const body = new URLSearchParams({
    Action: 'AssumeRoleWithWebIdentity',
    Version: '2011-06-15',
    RoleArn: role,
    RoleSessionName: env['AWS_ROLE_SESSION_NAME'] ?? 'countersign',
    WebIdentityToken: token.value,
  }).toString();
  const headers = { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' };
  const got = await jsonReply({ what: 'the token service of AWS', ...endpoint, method: 'POST', headers, body }, signal);
  if (!got.ok) return got;
  const answer = asRecord(
    asRecord(got.value['AssumeRoleWithWebIdentityResponse'])?.['AssumeRoleWithWebIdentityResult'],
  );
  return temporary(asRecord(answer?.['Credentials']), 'SessionToken', 'the token service of AWS');
}

function containerUrl(env: Env): string | undefined {
  const relative = env['AWS_CONTAINER_CREDENTIALS_RELATIVE_URI'];
  return relative === undefined ? env['AWS_CONTAINER_CREDENTIALS_FULL_URI'] : `http://169.254.170.2${relative}`;
}

async function fromContainer(env: Env, address: string, signal: AbortSignal): Promise<Found> {
  const what = 'the container credentials service of AWS';
  if (!URL.canParse(address)) return fail('AWS_CONTAINER_CREDENTIALS_FULL_URI is no address');
  const file = env['AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE'];
  const token = file === undefined ? ok(env['AWS_CONTAINER_AUTHORIZATION_TOKEN']) : await readToken(file);
  if (!token.ok) return token;
  const headers = token.value === undefined ? {} : { authorization: token.value };
  const got = await jsonReply({ what, url: new URL(address), place: 'named', headers }, signal);
  return got.ok ? temporary(got.value, 'Token', what) : got;
}

/** The instance metadata service, version 2 only: version 1 answers to anything that can make a GET. */
async function fromMachine(env: Env, signal: AbortSignal): Promise<Found> {
  const wanted = 'set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give the service account a role';
  if (env['AWS_EC2_METADATA_DISABLED']?.toLowerCase() === 'true')
    return fail(`there are no credentials for AWS: ${wanted}`);
  const base = env['AWS_EC2_METADATA_SERVICE_ENDPOINT'] ?? 'http://169.254.169.254';
  if (!URL.canParse(base)) return fail('AWS_EC2_METADATA_SERVICE_ENDPOINT is no address');
  const ask = (path: string, more: Pick<Asked, 'method' | 'headers'>): Asked => ({
    what: 'the metadata service of AWS',
    url: new URL(path, base),
    place: 'named',
    ...more,
  });
  const lifetime = { 'x-aws-ec2-metadata-token-ttl-seconds': '300' };
  const token = await text(ask('/latest/api/token', { method: 'PUT', headers: lifetime }), signal);
  if (!token.ok) return fail(`there are no credentials for AWS: ${wanted}; ${token.failure}`);
  const headers = { 'x-aws-ec2-metadata-token': token.value };
  const roles = '/latest/meta-data/iam/security-credentials/';
  const role = await text(ask(roles, { headers }), signal);
  if (!role.ok) return fail(`the machine has no role in AWS: ${wanted}; ${role.failure}`);
  const name = encodeURIComponent(role.value.split('\n', 1)[0] ?? '');
  const got = await jsonReply(ask(`${roles}${name}`, { headers }), signal);
  return got.ok ? temporary(got.value, 'Token', 'the metadata service of AWS') : got;
}

async function text(asked: Asked, signal: AbortSignal): Promise<Result<string, string>> {
  const got = await exchange({ ...asked, maxBytes: 4_096 }, signal);
  if (!got.ok) return got;
  const found = Buffer.from(got.value.body).toString('utf8').trim();
  const isUsable = got.value.status === 200 && /^[\x21-\x7e\n]+$/.test(found);
  return isUsable ? ok(found) : fail(`${asked.what} answered ${got.value.status}`);
}

function temporary(from: Members | undefined, tokenName: string, what: string): Found {
  const accessKeyId = textOf(from, 'AccessKeyId');
  const secretAccessKey = textOf(from, 'SecretAccessKey');
  const sessionToken = textOf(from, tokenName);
  if (accessKeyId === undefined || secretAccessKey === undefined || sessionToken === undefined)
    return fail(`${what} answered without credentials`);
  return ok({ value: { accessKeyId, secretAccessKey, sessionToken }, expires: expiry(from?.['Expiration']) });
}

/** STS says seconds in JSON, the others a date. */
function expiry(written: unknown): number {
  const time = typeof written === 'number' ? written * 1_000 : Date.parse(typeof written === 'string' ? written : '');
  return Number.isFinite(time) ? time : Date.now() + hour / 2;
}

async function readToken(file: string): Promise<Result<string, string>> {
  try {
    return ok((await readFile(file, 'utf8')).trim());
  } catch {
    return fail(`the token file ${quoted(file)} cannot be read`);
  }
}
