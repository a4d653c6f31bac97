/**
 * Answers ConversionReviews about ClusterImagePolicies. Their versions have one schema, so that nothing changes but the name
 * of the version: every other member is given back as it came, also those that nobody here knows.
 */
import { quoted } from '../kernel/failure.ts';
import { fail, ok, type Result } from '../kernel/result.ts';
import { asRecord, parseStrictJson } from '../kernel/strict-json.ts';
import { policyApiVersions } from './parse-cluster-image-policy.ts';

const reviewVersion = 'apiextensions.k8s.io/v1';

/** The ConversionReview to answer with; it fails when there is none to answer. */
export function answerConversion(bytes: Uint8Array): Result<string, string> {
  const read = readReview(bytes);
  if (!read.ok) return read;
  const { uid, request } = read.value;
  const converted = convertAll(request);
  const response = converted.ok
    ? { uid, result: { status: 'Success' }, convertedObjects: converted.value }
    : { uid, result: { status: 'Failure', message: converted.failure } };
  return ok(JSON.stringify({ apiVersion: reviewVersion, kind: 'ConversionReview', response }));
}

type Members = Readonly<Record<string, unknown>>;

/** Those of three thousand policies, each with all that Kubernetes notes about who wrote what. */
const maxMembers = 300_000;
const separators = new Set([',', '[', '{'].map((text) => text.charCodeAt(0)));

/** Before anything is read: anybody who reaches this path may send so many that their objects fill the memory. */
function hasTooManyMembers(bytes: Uint8Array): boolean {
  let members = 0;
  for (const byte of bytes) if (separators.has(byte)) members += 1;
  return members > maxMembers;
}

function readReview(bytes: Uint8Array): Result<{ readonly uid: string; readonly request: Members }, string> {
  if (hasTooManyMembers(bytes)) return fail(`The ConversionReview has more than ${maxMembers} members.`);
  // Deeper than any object that the API server has stored.
  const parsed = parseStrictJson(bytes, 512);
  if (!parsed.ok) return fail(`The ConversionReview is ${parsed.problem}.`);
  const review = asRecord(keepingNumbers(bytes, parsed.value));
  if (review?.['kind'] !== 'ConversionReview' || review['apiVersion'] !== reviewVersion)
    return fail(`This path answers a ConversionReview of ${reviewVersion} only.`);
  const request = asRecord(review['request']);
  const uid = request?.['uid'];
  return request === undefined || typeof uid !== 'string' || uid === ''
    ? fail('The ConversionReview has no request with a uid.')
    : ok({ uid, request });
}

function convertAll({ desiredAPIVersion: desired, objects }: Members): Result<readonly unknown[], string> {
  if (typeof desired !== 'string' || !policyApiVersions.includes(desired))
    return fail(`There is no version ${quoted(nameOf(desired), 64)}, only ${policyApiVersions.join(' and ')}.`);
  if (!Array.isArray(objects)) return fail('The ConversionReview has no objects.');
  const converted: unknown[] = [];
  for (const [index, object] of (objects as readonly unknown[]).entries()) {
    const members = asRecord(object);
    const { apiVersion, kind } = members ?? {};
    if (kind !== 'ClusterImagePolicy' || typeof apiVersion !== 'string' || !policyApiVersions.includes(apiVersion))
      return fail(`objects[${index}] is no ClusterImagePolicy of ${policyApiVersions.join(' or ')}.`);
    converted.push({ ...members, apiVersion: desired });
  }
  return ok(converted);
}

/** Text of whatever was written: an object may bring a `toString` of its own. */
function nameOf(version: unknown): string {
  return typeof version === 'string' ? version : (JSON.stringify(version) ?? '');
}

/** ECMAScript 2026; TypeScript does not know them yet. */
interface JsonWithSource {
  parse(text: string, revive: (key: string, value: unknown, context: { source?: string }) => unknown): unknown;
  rawJSON(text: string): unknown;
}

/** Numbers that a double has no room for come back digit by digit. Parsed a second time only when there may be some. */
function keepingNumbers(bytes: Uint8Array, parsed: unknown): unknown {
  const text = new TextDecoder().decode(bytes);
  if (!/\d{16}|\d[.eE]|-0/.test(text)) return parsed;
  const json = JSON as unknown as JsonWithSource;
  return json.parse(text, (_key, value, { source }) =>
    typeof value === 'number' && source !== undefined && String(value) !== source ? json.rawJSON(source) : value,
  );
}
