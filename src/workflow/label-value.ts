const limit = 63;

/** A name as the value of a label: for people to select by; longer names are cut, and nothing is found by it alone. */
export function labelValue(name: string): string {
  return name.length <= limit ? name : name.slice(0, limit).replace(/[^a-z0-9]+$/i, '');
}
