/** Google Cloud KMS: `gcpkms://projects/P/locations/L/keyRings/R/cryptoKeys/K[/cryptoKeyVersions/V]`. */
import type { Asked, Env } from '../../cloud/exchange.ts';
import type { GoogleTokenSource } from '../../cloud/google-token.ts';
import { jsonAnswer, textOf, type JsonAnswer } from '../../cloud/json-reply.ts';
import { asRecord } from '../../../kernel/strict-json.ts';
import { ok, type Result } from '../../../kernel/result.ts';
import { gone, outage, type LookedUp, type MaterialProblem } from '../looked-up.ts';
import { pemOfPem } from './public-key-text.ts';

const part = String.raw`([\w.:~%+-]+)`;
const form = new RegExp(
  `^gcpkms://(projects/${part}/locations/${part}/keyRings/${part}/cryptoKeys/${part})(?:/(?:cryptoKeyVersions|versions)/(\\d+))?$`,
);

export interface GoogleKmsPorts {
  readonly env: Env;
  readonly googleToken: GoogleTokenSource;
}

export async function googlePublicKey(uri: string, ports: GoogleKmsPorts, signal: AbortSignal): Promise<LookedUp> {
  const found = form.exec(uri);
  const key = found?.[1];
  if (key === undefined || /\/(?:\.|%2e){1,2}(?:\/|$)/i.test(key))
    return gone('expected gcpkms://projects/P/locations/L/keyRings/R/cryptoKeys/K, and maybe /cryptoKeyVersions/V');
  const base = ports.env['CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDKMS'] ?? 'https://cloudkms.googleapis.com/';
  if (!URL.canParse(base)) return gone('CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDKMS is no address');
  const token = await ports.googleToken(signal);
  if (!token.ok) return outage(token.failure);
  const ask = (path: string): Asked => ({
    what: 'Google Cloud KMS',
    url: new URL(`/v1/${path}`, base),
    place: ports.env['CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDKMS'] === undefined ? 'public' : 'named',
    headers: { authorization: `Bearer ${token.value}` },
    maxBytes: 1024 * 1024,
  });
  const version = found?.[6];
  const name =
    version === undefined ? await newestVersion(ask, key, signal) : ok(`${key}/cryptoKeyVersions/${version}`);
  if (!name.ok) return name;
  const answer = await jsonAnswer(ask(`${name.value}/publicKey`), signal);
  return answer.ok ? keyIn(answer.value) : outage(answer.failure);
}

/** The enabled one with the greatest number. By number: in the order of their names version 9 comes after version 10. */
async function newestVersion(
  ask: (path: string) => Asked,
  key: string,
  signal: AbortSignal,
): Promise<Result<string, MaterialProblem>> {
  const asked = await jsonAnswer(ask(`${key}/cryptoKeyVersions?pageSize=1000&filter=state%3DENABLED`), signal);
  if (!asked.ok) return outage(asked.failure);
  const { status, members } = asked.value;
  if (status !== 200) return refused(asked.value);
  if (textOf(members, 'nextPageToken') !== undefined)
    return gone('the key has more than a thousand enabled versions: name the version in the URI');
  const listed = members?.['cryptoKeyVersions'];
  const versions = (Array.isArray(listed) ? listed : [])
    .map(asRecord)
    .filter((version) => version?.['state'] === 'ENABLED')
    .map((version) => Number(/\/cryptoKeyVersions\/(\d{1,15})$/.exec(textOf(version, 'name') ?? '')?.[1]));
  const newest = Math.max(...versions.filter(Number.isSafeInteger));
  return Number.isSafeInteger(newest)
    ? ok(`${key}/cryptoKeyVersions/${newest}`)
    : gone('the key in Google Cloud KMS has no enabled version');
}

function keyIn(answer: JsonAnswer): LookedUp {
  if (answer.status !== 200) return refused(answer);
  const algorithm = textOf(answer.members, 'algorithm');
  if (algorithm !== undefined && !/^(?:EC|RSA)_SIGN_/.test(algorithm))
    return gone('the key in Google Cloud KMS is not one for signatures');
  const pem = pemOfPem(textOf(answer.members, 'pem') ?? '');
  return pem === undefined ? outage('Google Cloud KMS answered without a public key') : ok(pem);
}

/** FAILED_PRECONDITION: the version is disabled, or destroyed. */
function refused({ status, members, sentence }: JsonAnswer): { ok: false; failure: MaterialProblem } {
  const isAboutTheKey = status === 404 || textOf(asRecord(members?.['error']), 'status') === 'FAILED_PRECONDITION';
  return isAboutTheKey ? gone(sentence) : outage(sentence);
}
