/** What url-fetch is told, checked by the same rules as the URL context that it comes from. */
import type { UrlSource } from '../../agents/model.ts';
import { urlProblem } from '../../agents/url-address.ts';
import { defined } from '../../kernel/defined.ts';
import { quoted } from '../../kernel/failure.ts';
import { fail, ok } from '../../kernel/result.ts';
import { asRecord, parseStrictJson } from '../../kernel/strict-json.ts';
import type { InitResult, Surroundings } from '../command.ts';
import { isOn, modeOf, secretOf, textOf, wholeNumberOf } from '../settings.ts';
import { pathProblem } from '../volume-files.ts';

export interface UrlSettings {
  readonly source: URL;
  readonly target: string;
  readonly mode: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly authorization?: { readonly kind: string; readonly value: string };
  readonly timeoutSeconds: number;
  readonly insecure: boolean;
  /** Hosts, addresses and networks that may be asked although they are this Pod or a metadata service. */
  readonly allowed: readonly string[];
  readonly maxBytes: number;
}

type Environment = Surroundings['env'];
type Headers = UrlSource['headers'];

const mebibyte = 1_048_576;
const maxHeaderText = 262_144;

export function readUrlSettings(env: Environment): InitResult<UrlSettings> {
  const target = textOf(env, 'URL_TARGET');
  if (target === undefined) return fail('URL_TARGET environment variable is required');
  const targetProblem = pathProblem(target);
  if (targetProblem !== undefined) return fail(`URL_TARGET: ${targetProblem}`);
  const numbers = readNumbers(env);
  if (!numbers.ok) return numbers;
  const headers = readHeaders(textOf(env, 'URL_HEADERS'));
  if (!headers.ok) return headers;
  const allowed = readAllowed(env);
  const source = readSource(env, { headers: headers.value, timeoutSeconds: numbers.value.timeoutSeconds, allowed });
  if (!source.ok) return source;
  return ok({
    ...numbers.value,
    source: source.value,
    target,
    allowed,
    headers: Object.fromEntries(headers.value.map(({ name, value }) => [name, value])),
    insecure: isOn(env, 'URL_INSECURE'),
    ...defined('authorization', authorizationOf(env)),
  });
}

function readNumbers(env: Environment): InitResult<Pick<UrlSettings, 'timeoutSeconds' | 'maxBytes' | 'mode'>> {
  const timeout = wholeNumberOf(env, 'URL_TIMEOUT', { fallback: 30, min: 1, max: 300 });
  if (!timeout.ok) return timeout;
  const maxBytes = wholeNumberOf(env, 'URL_MAX_BYTES', { fallback: 64 * mebibyte, min: 1, max: 16_384 * mebibyte });
  if (!maxBytes.ok) return maxBytes;
  const mode = modeOf(env, 'URL_FILE_MODE', 0o644);
  if (!mode.ok) return mode;
  return ok({ timeoutSeconds: timeout.value, maxBytes: maxBytes.value, mode: mode.value });
}

/** A JSON object of texts. Messages repeat no value. */
function readHeaders(text: string | undefined): InitResult<Headers> {
  if (text === undefined) return ok([]);
  if (text.length > maxHeaderText) return fail(`URL_HEADERS is longer than ${maxHeaderText} characters`);
  const json = parseStrictJson(text, 4);
  const members = json.ok ? asRecord(json.value) : undefined;
  const entries = Object.entries(members ?? {});
  if (members === undefined || entries.some(([, value]) => typeof value !== 'string')) {
    return fail('URL_HEADERS is no JSON object of texts; write {"X-Name": "value"}');
  }
  return ok(entries.map(([name, value]) => ({ name, value: String(value) })));
}

function readAllowed(env: Environment): readonly string[] {
  const entries = (textOf(env, 'URL_ALLOW') ?? '').split(',').map((entry) => entry.trim());
  return entries.filter((entry) => entry !== '');
}

interface Rest {
  readonly headers: Headers;
  readonly timeoutSeconds: number;
  readonly allowed: readonly string[];
}

function readSource(env: Environment, { headers, timeoutSeconds, allowed }: Rest): InitResult<URL> {
  const source = textOf(env, 'URL_SOURCE');
  if (source === undefined) return fail('URL_SOURCE environment variable is required');
  const insecureSkipTlsVerify = isOn(env, 'URL_INSECURE');
  const problem = urlProblem({ source, headers, timeoutSeconds, insecureSkipTlsVerify }, allowed);
  return problem === undefined ? ok(new URL(source)) : fail(`the URL context cannot be used: ${problem}`);
}

/** A token is stronger than a name with a password, and both than a header. */
function authorizationOf(env: Environment): UrlSettings['authorization'] {
  const token = secretOf(env, 'URL_AUTH_TOKEN');
  if (token !== undefined) return { kind: 'Bearer token', value: `Bearer ${token}` };
  const [username, password] = [secretOf(env, 'URL_AUTH_USERNAME'), secretOf(env, 'URL_AUTH_PASSWORD')];
  if (username === undefined || password === undefined) return undefined;
  return { kind: 'HTTP Basic', value: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}` };
}

/** For logs: a query often holds what gives access. */
export function withoutQuery(url: URL): string {
  return quoted(`${url.origin}${url.pathname}${url.search === '' ? '' : '?…'}`, 512);
}
