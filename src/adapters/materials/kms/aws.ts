/** AWS KMS: `awskms://[HOST:PORT]/ARN`, one signed GetPublicKey. Ids and aliases by name alone need AWS_REGION. */
import { awsEndpoint, awsRegion, signedAwsCall, type AwsCredentialsSource } from '../../cloud/aws-credentials.ts';
import type { Asked, Env } from '../../cloud/exchange.ts';
import { jsonAnswer, textOf, type JsonAnswer } from '../../cloud/json-reply.ts';
import { ok } from '../../../kernel/result.ts';
import { gone, outage, type LookedUp } from '../looked-up.ts';
import { pemOfDer } from './public-key-text.ts';

const form = /^awskms:\/\/([^/]*)\/([\w:/.+=@-]+)$/;
const arn = /^arn:(?:aws|aws-us-gov|aws-cn):kms:([a-z0-9-]+):\d{12}:(?:key|alias)\/.+$/;

export async function awsPublicKey(
  uri: string,
  { env, awsCredentials }: { readonly env: Env; readonly awsCredentials: AwsCredentialsSource },
  signal: AbortSignal,
): Promise<LookedUp> {
  const [, host = '', key = ''] = form.exec(uri) ?? [];
  if (key === '') return gone('expected awskms://[HOST:PORT]/ARN');
  const region = arn.exec(key)?.[1] ?? awsRegion(env);
  if (region === undefined) return gone('its region is not known: write the ARN of the key, or set AWS_REGION');
  const endpoint = host === '' ? awsEndpoint(env, 'kms', region) : endpointAt(host, env, region);
  if (endpoint === undefined)
    return gone('its address is none: check the region, the host in the URI and AWS_ENDPOINT_URL_KMS');
  const credentials = await awsCredentials(signal);
  if (!credentials.ok) return outage(credentials.failure);
  const what = 'AWS KMS';
  const body = JSON.stringify({ KeyId: key });
  const call = { what, endpoint, service: 'kms', region, target: 'TrentService.GetPublicKey', body };
  const answer = await jsonAnswer(await signedAwsCall(call, credentials.value), signal);
  return answer.ok ? keyIn(answer.value) : outage(answer.failure);
}

/** As in cosign over HTTPS, unless it is the endpoint that whoever runs Countersign has named. */
function endpointAt(host: string, env: Env, region: string): Pick<Asked, 'url' | 'place'> | undefined {
  const named = awsEndpoint(env, 'kms', region);
  if (named?.place === 'named' && named.url.host === host) return named;
  const url = `https://${host}/`;
  return URL.canParse(url) ? { url: new URL(url), place: 'public' } : undefined;
}

// API reference of GetPublicKey, errors: these are about the key, the others about the call.
const aboutTheKey = /(?:NotFound|Disabled|KMSInvalidState|InvalidArn|UnsupportedOperation)Exception$/;

function keyIn({ status, members, sentence }: JsonAnswer): LookedUp {
  if (status !== 200) return aboutTheKey.test(textOf(members, '__type') ?? '') ? gone(sentence) : outage(sentence);
  if (members?.['KeyUsage'] !== undefined && members['KeyUsage'] !== 'SIGN_VERIFY')
    return gone('the key in AWS KMS is not one for signatures');
  const pem = pemOfDer(textOf(members, 'PublicKey') ?? '');
  return pem === undefined ? outage('AWS KMS answered without a public key') : ok(pem);
}
