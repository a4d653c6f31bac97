/** Where images are inside an object, as data: the one traversal (`find-images.ts`) follows a shape and nothing else. */
export type Shape = ImageShape | ListShape | ObjectShape | DeferredShape;

export interface ImageShape {
  readonly kind: 'image';
  /** `demanded`: an empty one is a violation, not an absence. */
  readonly presence: 'demanded' | 'optional';
  /** Tekton replaces `$(…)` in it; such a text is not an image name yet. */
  readonly substituted: boolean;
}

export interface ListShape {
  readonly kind: 'list';
  readonly item: Shape;
}

export interface ObjectShape {
  readonly kind: 'object';
  readonly members: readonly (readonly [name: string, shape: Shape])[];
}

/** For shapes that contain themselves. */
export interface DeferredShape {
  readonly kind: 'deferred';
  readonly shape: () => Shape;
}

export function object(members: Readonly<Record<string, Shape>>): ObjectShape {
  return { kind: 'object', members: Object.entries(members) };
}

export function list(item: Shape): ListShape {
  return { kind: 'list', item };
}

/** `at(['spec', 'template'], x)` is x two members deep. */
export function at(path: readonly string[], shape: Shape): Shape {
  return path.reduceRight<Shape>((inner, name) => object({ [name]: inner }), shape);
}

export const image: ImageShape = { kind: 'image', presence: 'demanded', substituted: false };
export const optionalImage: ImageShape = { kind: 'image', presence: 'optional', substituted: false };
export const substitutedImage: ImageShape = { kind: 'image', presence: 'optional', substituted: true };
