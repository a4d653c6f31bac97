/** From an object's image fields to what policies are asked about, and on whose behalf. */
import { defined } from '../kernel/defined.ts';
import { failure, quoted } from '../kernel/failure.ts';
import { parseImageReference, type ImageReference } from '../kernel/image-reference.ts';
import { memoize } from '../kernel/memoize.ts';
import { fail, ok, type Result } from '../kernel/result.ts';
import { asRecord } from '../kernel/strict-json.ts';
import type { ObjectFacts, Subject } from '../policy/subject.ts';
import type { NodePlatform, Workload } from '../ports/pull-credentials.ts';
import type { AdmissionRequest } from './decode.ts';
import type { ImageField } from './find-images.ts';
import type { JudgedKind } from './judged-kinds.ts';

/** A subject that still knows where in the object it stands. */
export interface PlacedSubject extends Subject {
  /** Empty: it is not written in the object itself. */
  readonly places: readonly ImageField[];
}

/** More different images than one object can be judged for in a webhook's time. */
const maxSubjects = 200;
const maxNameLength = 1_024;

/** Names come again and again; long ones are not worth a place, since none is valid. */
const parseKnown = memoize(4_096, parseImageReference);

function parse(text: string): Result<ImageReference> {
  if (text === '') return fail(failure('IMAGE_MISSING', 'there is no image where one is needed'));
  return text.length > maxNameLength ? parseImageReference(text) : parseKnown(text);
}

/** One subject per distinct text, in order of its first field. */
export function subjectsOf(fields: readonly ImageField[]): Result<readonly PlacedSubject[]> {
  const byText = new Map<string, ImageField[]>();
  for (const place of fields) {
    const places = byText.get(place.text);
    if (places === undefined) byText.set(place.text, [place]);
    else places.push(place);
  }
  const limit = subjectLimit(byText.size);
  if (!limit.ok) return limit;
  return ok(
    [...byText].map(([text, places]) => ({
      fields: places.map(({ field }) => field).sort(),
      text,
      image: parse(text),
      places,
    })),
  );
}

export function subjectLimit(count: number): Result<void> {
  if (count <= maxSubjects) return ok(undefined);
  return fail(failure('REQUEST_TOO_LARGE', `it names ${count} different images; at most ${maxSubjects} are judged`));
}

/** An image that the object does not hold itself, but leads to. */
export function resolvedSubject(text: string, fields: readonly string[]): PlacedSubject {
  return { fields: fields.toSorted(), text, image: parse(text), places: [] };
}

/** Sentences about images that are known only when a Pod is made of them. */
export function deferredNotices(deferred: readonly ImageField[]): readonly string[] {
  return deferred.map(({ field, text }) => `${field} "${quoted(text, 100)}" is judged when its Pod is created`);
}

/** What policies' `match` rules look at. */
export function objectFacts(request: AdmissionRequest): Result<ObjectFacts> {
  const found = labelsOf(request);
  if (found === undefined) return fail(failure('REQUEST_MALFORMED', 'metadata.labels is not a map of texts'));
  return ok({ ...request.resource, namespace: request.namespace, labels: found });
}

function labelsOf({ object }: AdmissionRequest): Readonly<Record<string, string>> | undefined {
  const labels = asRecord(object?.['metadata'])?.['labels'] ?? {};
  const record = asRecord(labels);
  if (record === undefined) return undefined;
  for (const key in record) if (typeof record[key] !== 'string') return undefined;
  // Every member was looked at just now.
  return record as Readonly<Record<string, string>>;
}

/** Whose pull secrets fetch the images of an object. */
export function workloadOf({ object, namespace }: AdmissionRequest, kind: JudgedKind): Workload {
  const account = firstAt(object, kind.serviceAccount);
  const secrets = firstAt(object, kind.pullSecrets);
  const names = Array.isArray(secrets) ? secrets.map((secret: unknown) => asRecord(secret)?.['name']) : [];
  return {
    namespace,
    serviceAccount: typeof account === 'string' && account !== '' ? account : 'default',
    pullSecrets: names.filter((name): name is string => typeof name === 'string' && name !== ''),
    ...defined('nodes', nodesOf(object, kind)),
  };
}

/** The scheduler and the kubelet hold a Pod to its node selector. kubernetes.io/docs well-known labels */
function nodesOf(object: unknown, { podSpec }: JudgedKind): NodePlatform | undefined {
  const selector = podSpec === undefined ? undefined : asRecord(firstAt(object, [[...podSpec, 'nodeSelector']]));
  const text = (label: string): string | undefined => {
    const value = selector?.[label];
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  const nodes = {
    ...defined('os', text('kubernetes.io/os')),
    ...defined('architecture', text('kubernetes.io/arch')),
  };
  return Object.keys(nodes).length === 0 ? undefined : nodes;
}

function firstAt(object: unknown, paths: readonly (readonly string[])[]): unknown {
  for (const path of paths) {
    const value = path.reduce<unknown>((inner, name) => asRecord(inner)?.[name], object);
    if (value !== undefined && value !== null) return value;
  }
  return undefined;
}
