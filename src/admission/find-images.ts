/** The one traversal: every image that a kind's shape leads to, with the field as Kubernetes prints it. */
import { failure } from '../kernel/failure.ts';
import { fail, ok, type Result } from '../kernel/result.ts';
import { asRecord } from '../kernel/strict-json.ts';
import type { ImageShape, Shape } from './shape.ts';

export type Path = readonly (string | number)[];

export interface ImageField {
  readonly path: Path;
  /** e.g. `spec.containers[0].image` */
  readonly field: string;
  /** As written; empty where an image is demanded and there is none. */
  readonly text: string;
  /** Holds a `$(…)` that somebody else replaces before a Pod is made of it. */
  readonly deferred: boolean;
}

/** Far more than any object of etcd's 1.5 MiB needs; what is above is refused, not cut off. */
const maxFields = 2_000;
const maxDepth = 64;

/** Thrown and caught in this file only. */
class Unreadable extends Error {}

export function findImages(shape: Shape, value: unknown): Result<readonly ImageField[]> {
  const found: ImageField[] = [];
  try {
    walk(shape, value, [], found);
    return ok(found);
  } catch (error) {
    if (error instanceof Unreadable) return fail(failure('REQUEST_MALFORMED', error.message));
    throw error;
  }
}

function walk(shape: Shape, value: unknown, path: Path, found: ImageField[]): void {
  if (shape.kind === 'image') return take(shape, value, path, found);
  // Go reads a JSON null as "not there".
  if (value === undefined || value === null) return;
  switch (shape.kind) {
    case 'list': {
      if (!Array.isArray(value)) throw new Unreadable(`${fieldOf(path)} is not a list`);
      for (let index = 0; index < value.length; index += 1) walk(shape.item, value[index], [...path, index], found);
      return;
    }
    case 'object': {
      const record = asRecord(value);
      if (record === undefined) throw new Unreadable(`${fieldOf(path)} is not an object`);
      for (const [name, member] of shape.members) walk(member, record[name], [...path, name], found);
      return;
    }
    case 'deferred':
      if (path.length > maxDepth) throw new Unreadable('pipelines are nested too deeply');
      walk(shape.shape(), value, path, found);
  }
}

function take(shape: ImageShape, value: unknown, path: Path, found: ImageField[]): void {
  const text = typeof value === 'string' ? value : '';
  const absent = value === undefined || value === null || value === '';
  if (absent && shape.presence === 'optional') return;
  if (found.length === maxFields) throw new Unreadable(`there are more than ${maxFields} images`);
  found.push({ path, field: fieldOf(path), text, deferred: shape.substituted && text.includes('$(') });
}

export function fieldOf(path: Path): string {
  const parts = path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${part}`));
  return path.length === 0 ? 'the object' : parts.join('').slice(1);
}

/** RFC 6901. */
export function pointerOf(path: Path): string {
  return path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}
