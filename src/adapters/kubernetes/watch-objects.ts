/**
 * Keeps the objects of one collection, whose names are all different, as the API server has them. It does not interpret the
 * objects; while the API server is away, what was last seen stays.
 */
import type { ApiFailure } from './bounded-call.ts';
import { followCollection, metadataText, type Collection, type WatchSettings } from './follow-collection.ts';

export interface ApiObject {
  readonly name: string;
  readonly resourceVersion: string;
  readonly document: unknown;
}

export interface WatchedObjects {
  /** Undefined until the first list is complete. */
  objects(): readonly ApiObject[] | undefined;
  /** Why the list may not be fresh. */
  problem(): ApiFailure | undefined;
  close(): void;
}

/** `changed` is called after what `objects()` or `problem()` shows has changed. */
export function watchObjects(settings: WatchSettings, collection: Collection, changed: () => void): WatchedObjects {
  const seen = new Map<string, ApiObject>();
  let isListed = false;
  let problem: ApiFailure | undefined;

  function put(document: unknown): void {
    const name = metadataText(document, 'name');
    if (name !== undefined)
      seen.set(name, { name, resourceVersion: metadataText(document, 'resourceVersion') ?? '', document });
  }

  const close = followCollection(settings, collection, {
    listed(objects) {
      seen.clear();
      for (const object of objects) put(object);
      isListed = true;
      problem = undefined;
      changed();
    },
    changed(object) {
      put(object);
      changed();
    },
    removed(object) {
      seen.delete(metadataText(object, 'name') ?? '');
      changed();
    },
    failed(failure) {
      problem = failure;
      changed();
    },
  });
  return { objects: () => (isListed ? [...seen.values()] : undefined), problem: () => problem, close };
}
