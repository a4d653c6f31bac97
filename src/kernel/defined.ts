/** A member for an object literal, absent when it has no value: exactOptionalPropertyTypes tells absent from undefined. */
export function defined<K extends string, V>(key: K, value: V | undefined): { readonly [P in K]?: V } {
  const empty: { [P in K]?: V } = {};
  return value === undefined ? empty : { ...empty, [key]: value };
}
