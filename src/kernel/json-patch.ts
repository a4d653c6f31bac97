/** RFC 6902, as far as it is needed to turn one JSON value into another. */
export type PatchOperation =
  | { readonly op: 'add' | 'replace'; readonly path: string; readonly value: unknown }
  | { readonly op: 'remove'; readonly path: string };

/** The operations that make `after` of `before`; none when they are equal. Lists are compared place by place. */
export function difference(before: unknown, after: unknown, path = ''): readonly PatchOperation[] {
  if (isSame(before, after)) return [];
  if (Array.isArray(before) && Array.isArray(after)) return listDifference(before, after, path);
  if (isObject(before) && isObject(after)) return objectDifference(before, after, path);
  return [{ op: 'replace', path, value: after }];
}

type Members = Readonly<Record<string, unknown>>;

function objectDifference(before: Members, after: Members, path: string): readonly PatchOperation[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return names.flatMap((name): readonly PatchOperation[] => {
    const place = `${path}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
    const [old, value] = [own(before, name), own(after, name)];
    if (value === undefined) return old === undefined ? [] : [{ op: 'remove', path: place }];
    return old === undefined ? [{ op: 'add', path: place, value }] : difference(old, value, place);
  });
}

function listDifference(
  before: readonly unknown[],
  after: readonly unknown[],
  path: string,
): readonly PatchOperation[] {
  const common = Math.min(before.length, after.length);
  const changed = Array.from({ length: common }, (_, at) => difference(before[at], after[at], `${path}/${at}`)).flat();
  const added = after.slice(common).map((value): PatchOperation => ({ op: 'add', path: `${path}/-`, value }));
  // From the end, so that the places before it stay what they are.
  const removed = before
    .slice(common)
    .map((_, at): PatchOperation => ({ op: 'remove', path: `${path}/${common + at}` }))
    .toReversed();
  return [...changed, ...added, ...removed];
}

function isSame(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((item, at) => isSame(item, b[at]));
  if (!isObject(a) || !isObject(b)) return false;
  const names = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...names].every((name) => isSame(own(a, name), own(b, name)));
}

/** Not what every object inherits: "constructor" is a fine name for an annotation. */
function own(members: Members, name: string): unknown {
  return Object.hasOwn(members, name) ? members[name] : undefined;
}

function isObject(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The value that a patch of ours makes of a document, which is not changed itself. Throws on a place that is not there. */
export function patched(document: unknown, patch: readonly PatchOperation[]): unknown {
  return patch.reduce<unknown>((value, operation) => applied(value, stepsOf(operation.path), operation), document);
}

function stepsOf(path: string): readonly string[] {
  return path
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function applied(value: unknown, [step, ...rest]: readonly string[], operation: PatchOperation): unknown {
  if (step === undefined) return operation.op === 'remove' ? undefined : operation.value;
  if (Array.isArray(value)) return appliedToList(value, step, rest, operation);
  if (!isObject(value)) throw new Error(`${operation.path}: there is nothing to change`);
  const before = own(value, step);
  const { [step]: _before, ...others } = value;
  if (rest.length > 0) return { ...value, [step]: applied(before, rest, operation) };
  if (operation.op !== 'add' && before === undefined) throw new Error(`${operation.path}: there is nothing to change`);
  return operation.op === 'remove' ? others : { ...value, [step]: operation.value };
}

function appliedToList(
  list: readonly unknown[],
  step: string,
  rest: readonly string[],
  operation: PatchOperation,
): readonly unknown[] {
  const at = step === '-' ? list.length : Number(step);
  const end = rest.length === 0 && operation.op === 'add' ? list.length : list.length - 1;
  if (!/^(?:-|0|[1-9]\d{0,8})$/.test(step) || at > end)
    throw new Error(`${operation.path}: there is nothing to change`);
  if (rest.length > 0) return list.with(at, applied(list[at], rest, operation));
  switch (operation.op) {
    case 'add':
      return list.toSpliced(at, 0, operation.value);
    case 'replace':
      return list.with(at, operation.value);
    case 'remove':
      return list.toSpliced(at, 1);
  }
}
