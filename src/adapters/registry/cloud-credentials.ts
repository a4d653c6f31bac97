/**
 * Registry credentials from a cloud's own tokens: Amazon ECR, Google Artifact Registry and Container Registry, Azure
 * Container Registry. Kept until shortly before they expire. Failures are one sentence without anything that was sent.
 */
import { LRUCache } from 'lru-cache';
import { quoted } from '../../kernel/failure.ts';
import { fail, ok, type Result } from '../../kernel/result.ts';
import { asRecord, parseStrictJson } from '../../kernel/strict-json.ts';
import type { BasicCredentials } from '../../ports/registry.ts';
import { awsCall, awsCredentials, awsEndpoint, awsRegion, type AwsCall } from '../cloud/aws-credentials.ts';
import { azureAccessToken } from '../cloud/azure-token.ts';
import type { Env } from '../cloud/exchange.ts';
import { googleAccessToken } from '../cloud/google-token.ts';
import { textOf, type Members } from '../cloud/json-reply.ts';
import { keptUntilExpiry, type Expiring } from '../cloud/kept-until-expiry.ts';
import { ecrHost } from './cloud-hosts.ts';
import type { CloudName } from './registry-file.ts';
import type { Transport } from './transport.ts';

export interface CloudCredentials {
  for(cloud: CloudName, host: string, signal: AbortSignal): Promise<Result<BasicCredentials, string>>;
  /** The registry did not take them: the next time there are new ones. */
  forget(cloud: CloudName, host: string): void;
}

type Source = (signal: AbortSignal) => Promise<Result<BasicCredentials, string>>;
type Found = Promise<Result<Expiring<BasicCredentials>, string>>;

const maxSources = 200;
/** Whoever names images that are denied must not make a token service busy. */
const leastAgeMs = 60_000;

export function createCloudCredentials(env: Env, transport: Pick<Transport, 'exchange'>): CloudCredentials {
  const sources = new LRUCache<string, { readonly source: Source; readonly since: number }>({ max: maxSources });
  const aws = awsCredentials(env);
  const google = googleAccessToken(env);
  const azure = azureAccessToken(env);
  const newSource: Readonly<Record<CloudName, (host: string) => Source>> = {
    ecr: (host) => keptUntilExpiry((signal) => fromEcr(env, aws, host, signal)),
    gar: () => async (signal) => {
      const token = await google(signal);
      return token.ok ? ok({ username: 'oauth2accesstoken', password: token.value }) : token;
    },
    acr: (host) => keptUntilExpiry((signal) => fromAcr(env, azure, transport, host, signal)),
  };

  return {
    async for(cloud, host, signal) {
      const key = `${cloud} ${host}`;
      const known = sources.get(key) ?? { source: newSource[cloud](host), since: performance.now() };
      sources.set(key, known);
      return await known.source(signal);
    },
    forget(cloud, host) {
      const key = `${cloud} ${host}`;
      const since = sources.peek(key)?.since;
      if (since !== undefined && performance.now() - since > leastAgeMs) sources.delete(key);
    },
  };
}

const ecrName = 'the token service of Amazon ECR';

async function fromEcr(env: Env, aws: ReturnType<typeof awsCredentials>, host: string, signal: AbortSignal): Found {
  const call = ecrCall(env, host);
  if (call === undefined) return fail(`AWS_REGION is not set, and the name ${quoted(host)} has no region`);
  const credentials = await aws(signal);
  if (!credentials.ok) return credentials;
  const answer = await awsCall(call, credentials.value, signal);
  if (!answer.ok) return answer;
  const data = answer.value['authorizationData'];
  const given = asRecord(Array.isArray(data) ? data[0] : data);
  const token = Buffer.from(textOf(given, 'authorizationToken') ?? '', 'base64').toString('utf8');
  const expires = given?.['expiresAt'];
  if (!token.startsWith('AWS:') || typeof expires !== 'number') return fail(`${ecrName} answered without a token`);
  return ok({ value: { username: 'AWS', password: token.slice('AWS:'.length) }, expires: expires * 1_000 });
}

/** https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetAuthorizationToken.html, and that of ECR Public */
function ecrCall(env: Env, host: string): AwsCall | undefined {
  const call = { what: ecrName, body: '{}' };
  if (host === 'public.ecr.aws') {
    const region = 'us-east-1';
    const target = 'SpencerFrontendService.GetAuthorizationToken';
    const endpoint = endpointOf(env, 'api.ecr-public', region, 'amazonaws.com');
    return { ...call, service: 'ecr-public', region, target, endpoint };
  }
  const known = ecrHost(host);
  const region = known?.region ?? awsRegion(env);
  if (region === undefined || !/^[a-z0-9-]+$/.test(region)) return undefined;
  const domain = known?.domain ?? (region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com');
  const endpoint = endpointOf(env, known?.fips === true ? 'ecr-fips' : 'api.ecr', region, domain);
  const target = 'AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken';
  return { ...call, service: 'ecr', region, target, endpoint };
}

function endpointOf(env: Env, name: string, region: string, domain: string): AwsCall['endpoint'] {
  const named = awsEndpoint(env, 'ecr', region);
  if (named?.place === 'named') return named;
  return { url: new URL(`https://${name}.${region}.${domain}/`), place: 'public' };
}

/** Of registries alone: a token for Azure's management would be worth more to whoever gets hold of it. */
const acrScope = 'https://containerregistry.azure.net/.default';
const acrUser = '00000000-0000-0000-0000-000000000000';
/** Refresh tokens are good for three hours; this is for those that do not say it. */
const acrMs = 60 * 60_000;

/** https://github.com/Azure/acr/blob/main/docs/AAD-OAuth.md: a token of Entra ID for one of the registry. */
async function fromAcr(
  env: Env,
  azure: ReturnType<typeof azureAccessToken>,
  transport: Pick<Transport, 'exchange'>,
  host: string,
  signal: AbortSignal,
): Found {
  const access = await azure(acrScope, signal);
  if (!access.ok) return access;
  const tenant = env['AZURE_TENANT_ID'];
  const form = new URLSearchParams({
    grant_type: 'access_token',
    service: host,
    ...(tenant === undefined || tenant === '' ? {} : { tenant }),
    access_token: access.value,
  });
  const answer = await transport.exchange({
    method: 'POST',
    url: new URL(`https://${host}/oauth2/exchange`),
    headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
    body: form.toString(),
    maxBytes: 64 * 1024,
    signal,
  });
  if (!answer.ok) return fail(answer.failure.message);
  const { status, body } = answer.value;
  if (status !== 200) return fail(`registry ${quoted(host)} answered ${status} to the exchange of Azure's token`);
  const password = textOf(membersOf(body), 'refresh_token');
  if (password === undefined) return fail(`registry ${quoted(host)} answered without a refresh token`);
  return ok({ value: { username: acrUser, password }, expires: expiryOf(password) });
}

function membersOf(bytes: Uint8Array): Members | undefined {
  const json = parseStrictJson(bytes);
  return json.ok ? asRecord(json.value) : undefined;
}

/** RFC 7519 §4.1.4; read to know when to ask again, which proves nothing. */
function expiryOf(token: string): number {
  const claims = membersOf(Buffer.from(token.split('.')[1] ?? '', 'base64url'));
  const seconds = claims?.['exp'];
  return typeof seconds === 'number' ? seconds * 1_000 : Date.now() + acrMs;
}
