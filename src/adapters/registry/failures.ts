/** What can go wrong between Countersign and a registry, as coded failures with one plain sentence each. */
import { errors } from 'undici';
import type { Digest } from '../../kernel/digest.ts';
import { failure, quoted, type Failure } from '../../kernel/failure.ts';
import { asRecord, parseStrictJson } from '../../kernel/strict-json.ts';
import { AddressRefused } from './addresses.ts';
import type { Answer } from './send.ts';

/** Seconds; what a caller may try again after when the registry does not say. */
const usualRetry = 2;
const busyRetry = 10;
const maxRetry = 3_600;

export function unreachable(url: URL, why: string): Failure {
  return failure('REGISTRY_UNREACHABLE', `registry ${hostOf(url)} cannot be reached: ${why}`, usualRetry);
}

export function timedOut(url: URL): Failure {
  return failure('REGISTRY_TIMEOUT', `registry ${hostOf(url)} did not answer in time`, usualRetry);
}

/** Who did not let it through may be either of them. */
export function throughProxy({ code, message, retryAfterSeconds }: Failure, proxy: URL): Failure {
  return failure(code, `${message} (through the proxy ${hostOf(proxy)})`, retryAfterSeconds);
}

export function invalid(url: URL, why: string): Failure {
  return failure('REGISTRY_RESPONSE_INVALID', `registry ${hostOf(url)} answered oddly: ${why}`);
}

export function wrongDigest(url: URL, digest: Digest): Failure {
  return invalid(url, `its bytes are not those of ${digest}`);
}

export function tooLarge(url: URL, maxBytes: number): Failure {
  return failure('REGISTRY_RESPONSE_TOO_LARGE', `registry ${hostOf(url)} answered with more than ${maxBytes} bytes`);
}

/** An exception of the connection, by its code; `again` when another try may go better. */
export function connectionFailure(
  error: unknown,
  url: URL,
  signal: AbortSignal,
): { readonly failure: Failure; readonly again: boolean } {
  if (signal.aborted) return { failure: timedOut(url), again: false };
  if (error instanceof AddressRefused) return { failure: unreachable(url, refusedAddress), again: false };
  const code = codeOf(error);
  if (code.includes('TIMEOUT')) return { failure: timedOut(url), again: false };
  if (error instanceof errors.HTTPParserError || badHttp.has(code)) {
    return { failure: invalid(url, 'it does not speak proper HTTP'), again: false };
  }
  const about = tlsProblem(code);
  if (about !== undefined) return { failure: unreachable(url, about), again: false };
  return { failure: unreachable(url, plainWords.get(code) ?? `the connection broke (${code})`), again: true };
}

const plainWords = new Map([
  ['', 'the connection broke'],
  ['UND_ERR_SOCKET', 'the connection broke'],
  ['ECONNRESET', 'the connection broke'],
  ['UND_ERR_ABORTED', 'the proxy refuses to connect to it'],
  ['UND_ERR_PRX_CONN', 'the proxy ended the connection'],
  ['ECONNREFUSED', 'it refuses connections'],
  ['ENOTFOUND', 'its name is not known'],
  ['EAI_AGAIN', 'its name cannot be resolved now'],
]);
const badHttp = new Set(['UND_ERR_HEADERS_OVERFLOW', 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH']);

function tlsProblem(code: string): string | undefined {
  if (code.includes('CERT') || code.includes('SIGNATURE')) {
    return `its certificate is not trusted (${code}); --registry-ca names a CA for it`;
  }
  if (code.includes('ALERT')) {
    return `it refuses the TLS connection (${code}); clientCertificate in --registry-config names one for it`;
  }
  if (code.includes('SSL') || code === 'EPROTO') {
    return `it does not speak TLS (${code}); --insecure-registry names hosts with plain HTTP`;
  }
  return undefined;
}

export const refusedAddress =
  'its address belongs to this machine or to a metadata service; --insecure-registry or --registry-ca allows it';

function codeOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return codeOf(error.errors[0]);
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? quoted(error.code, 64) : '';
}

/** Undefined: a plain 200 whose body can be used. */
export function problemOf(answer: Answer): Failure | undefined {
  const { status, url } = answer;
  if (status === 200) return unusable(answer);
  const said = `registry ${hostOf(url)} answered ${status}${errorText(answer)}`;
  if (status === 401 || status === 403) {
    const tried = answer.tried === undefined ? '' : ` (tried: ${answer.tried})`;
    const wayOut = 'check that the image exists, and the pull secret or --docker-config for this registry';
    return failure('REGISTRY_DENIED', `${said}${tried}: ${wayOut}`);
  }
  if (status === 429) return failure('REGISTRY_RATE_LIMITED', said, retrySeconds(answer));
  if (status >= 500) return failure('REGISTRY_UNREACHABLE', said, retrySeconds(answer));
  return failure('REGISTRY_RESPONSE_INVALID', said);
}

function retrySeconds(answer: Answer): number {
  return Math.min(Math.max(retryAfterSeconds(answer) ?? busyRetry, 1), maxRetry);
}

/** RFC 9110 §10.2.3; dates are not worth a clock here: registries send seconds. */
export function retryAfterSeconds({ headers }: Answer): number | undefined {
  const asked = headers['retry-after']?.trim() ?? '';
  return /^\d{1,9}$/.test(asked) ? Number(asked) : undefined;
}

function unusable({ headers, body, url }: Answer): Failure | undefined {
  const encoding = headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity') {
    return invalid(url, 'it compressed its answer though it was not asked to');
  }
  const html = (headers['content-type'] ?? '').startsWith('text/html') && body.length > 0;
  return html ? invalid(url, 'it sent a web page, so it may not be a registry') : undefined;
}

/** The first error's code and text, for the person who reads the refusal. OCI dist-spec §error codes */
function errorText(answer: Answer): string {
  const { code, message } = errorsOf(answer)[0] ?? {};
  const texts = [code, message].filter((text) => typeof text === 'string');
  return texts.length === 0 ? '' : ` (${texts.map((text) => quoted(text, 160)).join(': ')})`;
}

export function errorsOf({ body }: Answer): readonly Readonly<Record<string, unknown>>[] {
  const json = parseStrictJson(body);
  const listed = asRecord(json.ok ? json.value : undefined)?.['errors'];
  return Array.isArray(listed) ? listed.map(asRecord).filter((error) => error !== undefined) : [];
}

function hostOf(url: URL): string {
  return quoted(url.host);
}
