/** From bytes to an AdmissionRequest, or to a coded failure that still knows the uid. Reads only what is used later. */
import { failure, quoted } from '../kernel/failure.ts';
import { fail, ok, type Result } from '../kernel/result.ts';
import { asRecord, parseStrictJson } from '../kernel/strict-json.ts';

export interface Resource {
  readonly group: string;
  readonly version: string;
  /** Lower-case plural. */
  readonly resource: string;
}

/** admission.k8s.io/v1 AdmissionRequest; objects stay unread until a shape leads into them. */
export interface AdmissionRequest {
  readonly uid: string;
  readonly kind: string;
  readonly resource: Resource;
  /** Empty: the object itself. */
  readonly subResource: string;
  readonly namespace: string;
  readonly name: string;
  readonly operation: Operation;
  readonly user: string;
  readonly dryRun: boolean;
  readonly object: Members | undefined;
  readonly oldObject: Members | undefined;
}

export type Members = Readonly<Record<string, unknown>>;
export type Operation = (typeof operations)[number];

const operations = ['CREATE', 'UPDATE', 'DELETE', 'CONNECT'] as const;
const maxNesting = 1_000;
const maxText = 1_024;
/** An object of the API server has 1.5 MiB, and its old self may come along; as many empty lists would take seconds. */
const maxItems = 500_000;

/** A key that occurs twice is refused: whoever reads the record must not see another object than was judged. */
export function parseBody(bytes: Uint8Array): Result<unknown> {
  const parsed = parseStrictJson(bytes, maxNesting, maxItems);
  return parsed.ok ? ok(parsed.value) : malformed(parsed.problem);
}

/** The uid of whatever came, so that even what makes no sense gets an answer that the API server can use. */
export function uidOf(body: unknown): string {
  const uid = asRecord(asRecord(body)?.['request'])?.['uid'];
  return typeof uid === 'string' && uid.length <= maxText ? uid : '';
}

/** Thrown and caught in this file only. */
class Malformed extends Error {}

export function decode(body: unknown): Result<AdmissionRequest> {
  try {
    return ok(readReview(body));
  } catch (error) {
    if (error instanceof Malformed) return malformed(error.message);
    throw error;
  }
}

function malformed(why: string): Result<never> {
  return fail(failure('REQUEST_MALFORMED', `the request is not an admission.k8s.io/v1 AdmissionReview: ${why}`));
}

function readReview(body: unknown): AdmissionRequest {
  const review = record(body, 'it');
  if (review['kind'] !== 'AdmissionReview') throw new Malformed(`its kind is ${described(review['kind'])}`);
  if (review['apiVersion'] !== 'admission.k8s.io/v1') {
    throw new Malformed(
      `its apiVersion is ${described(review['apiVersion'])}; set admissionReviewVersions: [v1] in the webhook configuration`,
    );
  }
  const request = record(review['request'], 'request');
  const uid = text(request['uid'], 'request.uid');
  if (uid === '') throw new Malformed('request.uid is empty');
  const operation = operations.find((known) => known === request['operation']);
  if (operation === undefined) throw new Malformed(`request.operation is ${described(request['operation'])}`);
  const object = optionalRecord(request['object'], 'request.object');
  if (object === undefined && (operation === 'CREATE' || operation === 'UPDATE')) {
    throw new Malformed(`request.object is missing, and this is ${operation}`);
  }
  return {
    uid,
    kind: text(record(request['kind'], 'request.kind')['kind'], 'request.kind.kind'),
    resource: readResource(record(request['resource'], 'request.resource')),
    subResource: optionalText(request['subResource'], 'request.subResource'),
    namespace: optionalText(request['namespace'], 'request.namespace'),
    name: optionalText(request['name'], 'request.name'),
    operation,
    user: optionalText(asRecord(request['userInfo'])?.['username'], 'request.userInfo.username'),
    dryRun: request['dryRun'] === true,
    object,
    oldObject: optionalRecord(request['oldObject'], 'request.oldObject'),
  };
}

function readResource(resource: Members): Resource {
  const name = text(resource['resource'], 'request.resource.resource');
  if (name === '') throw new Malformed('request.resource.resource is empty');
  return {
    group: optionalText(resource['group'], 'request.resource.group'),
    version: text(resource['version'], 'request.resource.version'),
    resource: name,
  };
}

function record(value: unknown, path: string): Members {
  const found = asRecord(value);
  if (found === undefined) throw new Malformed(`${path} is not an object`);
  return found;
}

function optionalRecord(value: unknown, path: string): Members | undefined {
  return value === undefined || value === null ? undefined : record(value, path);
}

function text(value: unknown, path: string): string {
  if (typeof value !== 'string') throw new Malformed(`${path} is not a text`);
  if (value.length > maxText) throw new Malformed(`${path} is longer than ${maxText} characters`);
  return value;
}

function optionalText(value: unknown, path: string): string {
  return value === undefined || value === null ? '' : text(value, path);
}

function described(value: unknown): string {
  return typeof value === 'string' ? `"${quoted(value, 64)}"` : 'not a text';
}
