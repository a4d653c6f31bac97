/**
 * What a Pod's containers run, as far as the kubelet says: beside a tag stands the digest that was pulled by it, whatever the
 * tag names by now. core/v1 ContainerStatus.imageID
 */
import { parseDigest, type Digest } from '../../kernel/digest.ts';
import { formatImageReference, parseImageReference } from '../../kernel/image-reference.ts';
import { asRecord } from '../../kernel/strict-json.ts';

type Members = Readonly<Record<string, unknown>>;

const lists = [
  ['containers', 'containerStatuses'],
  ['initContainers', 'initContainerStatuses'],
  ['ephemeralContainers', 'ephemeralContainerStatuses'],
] as const;

/** The Pod with those digests in its images. */
export function asItRuns(pod: Members): Members {
  const spec = asRecord(pod['spec']) ?? {};
  const status = asRecord(pod['status']) ?? {};
  const pinned = lists.flatMap(([containers, statuses]) => {
    const list = spec[containers];
    if (!Array.isArray(list)) return [];
    const digests = digestsByName(status[statuses]);
    return [[containers, list.map((container: unknown) => withDigest(container, digests))] as const];
  });
  return { ...pod, spec: { ...spec, ...Object.fromEntries(pinned) } };
}

function digestsByName(statuses: unknown): ReadonlyMap<unknown, Digest> {
  const list: readonly unknown[] = Array.isArray(statuses) ? statuses : [];
  return new Map(
    list.flatMap((one) => {
      const { name, imageID } = asRecord(one) ?? {};
      const digest = typeof imageID === 'string' ? pulledDigest(imageID) : undefined;
      return digest === undefined ? [] : [[name, digest] as const];
    }),
  );
}

/** `[scheme://]repository@digest`. A digest alone is of the image's configuration on the node: no registry knows it. */
function pulledDigest(imageId: string): Digest | undefined {
  const at = imageId.lastIndexOf('@');
  return at === -1 ? undefined : parseDigest(imageId.slice(at + 1));
}

function withDigest(container: unknown, digests: ReadonlyMap<unknown, Digest>): unknown {
  const record = asRecord(container);
  const digest = digests.get(record?.['name']);
  const text = record?.['image'];
  if (digest === undefined || typeof text !== 'string') return container;
  const image = parseImageReference(text);
  if (!image.ok || image.value.digest !== undefined) return container;
  return { ...record, image: formatImageReference({ ...image.value, digest }) };
}
