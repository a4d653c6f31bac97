/**
 * Whether url-fetch may be given a URL context. It asks from inside the cluster, so that places which trust whoever is
 * near (this Pod, the node's metadata service) are refused unless the installation allows them. A name is judged here by
 * itself, and by url-fetch again by every address that it stands for.
 */
import { quoted } from '../kernel/failure.ts';
import { addressProblem, isAddress } from './address.ts';
import { secretProblem } from './git-address.ts';
import type { UrlSource } from './model.ts';

const maxSource = 4096;
const maxHeaders = 32;
const maxHeaderName = 256;
const maxHeaderValue = 8192;
const maxTimeoutSeconds = 300;

/** Who they stand for is no secret. */
const refusedNames = new Set([
  'localhost',
  'ip6-localhost',
  'metadata',
  'metadata.google.internal',
  'metadata.goog',
  'instance-data',
]);
/** They say how the request is framed, and to whom it goes: that is url-fetch's own business. */
const refusedHeaders = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** The rest of a sentence. The address and values of headers are not repeated: either may hold a token. */
export function urlProblem(url: UrlSource, allowed: readonly string[] = []): string | undefined {
  const { secretRef, timeoutSeconds } = url;
  const isTimeout = Number.isInteger(timeoutSeconds) && timeoutSeconds >= 1 && timeoutSeconds <= maxTimeoutSeconds;
  return (
    sourceProblem(url.source, allowed) ??
    headersProblem(url.headers) ??
    (isTimeout ? undefined : `url.timeout is out of range; write 1 to ${maxTimeoutSeconds} seconds`) ??
    (secretRef === undefined ? undefined : secretProblem('url', secretRef))
  );
}

/** Of an address by itself: also of those that a server redirects to. `allowed`: hosts, addresses and networks (CIDR). */
export function sourceProblem(source: string, allowed: readonly string[]): string | undefined {
  if (source.length > maxSource) return `url.source is longer than ${maxSource} characters; shorten it`;
  // URL parsers drop some of these, and read "\" as "/".
  if (/[\s\\\p{Cc}\p{Cf}\p{Cs}]/u.test(source))
    return 'url.source has spaces or control characters in it; leave them out';
  const url = URL.canParse(source) ? new URL(source) : undefined;
  if (url === undefined || !['http:', 'https:'].includes(url.protocol)) {
    return 'url.source is no web address; write one that begins with https:// or http://';
  }
  if (url.username !== '' || url.password !== '') {
    return 'url.source has credentials in it; put them into a Secret and name that in url.secretRef';
  }
  return hostProblem(url.hostname, allowed);
}

/** WHATWG URL has turned every spelling of an IPv4 address into four decimal numbers, and letters into small ones. */
function hostProblem(hostname: string, allowed: readonly string[]): string | undefined {
  const host = plainHost(hostname);
  if (allowed.some((entry) => plainHost(entry.toLowerCase()) === host)) return undefined;
  if (isAddress(host)) {
    const problem = addressProblem(host, allowed);
    return problem === undefined ? undefined : `url.source: ${problem}`;
  }
  const isRefused = refusedNames.has(host) || host.endsWith('.localhost');
  return isRefused
    ? `url.source: ${quoted(host, 80)} is this Pod itself or a metadata service; name another, or allow it in spec.allowedUrlHosts of the KubeOpenCodeConfig`
    : undefined;
}

function plainHost(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '');
}

function headersProblem(headers: UrlSource['headers']): string | undefined {
  if (headers.length > maxHeaders) return `url.headers has ${headers.length} items; write at most ${maxHeaders}`;
  const problems = headers.map(({ name, value }, index) => {
    const what = headerProblem(name, value);
    return what === undefined ? undefined : `url.headers[${index}] ${what}`;
  });
  return problems.find((problem) => problem !== undefined);
}

/** RFC 9110 §5.1, §5.5 */
function headerProblem(name: string, value: string): string | undefined {
  const shownName = quoted(name, 80);
  if (name.length > maxHeaderName || !/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name)) {
    return `has the name "${shownName}"; write letters, digits and "-"`;
  }
  if (refusedHeaders.has(name.toLowerCase())) return `sets ${shownName}, which the client sets by itself; leave it out`;
  if (value.length > maxHeaderValue) return `(${shownName}) is longer than ${maxHeaderValue} characters; shorten it`;
  return /^[\t\x20-\x7e\x80-\xff]*$/.test(value)
    ? undefined
    : `(${shownName}) has a line break or a character beyond Latin-1; leave it out`;
}
