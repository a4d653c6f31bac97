/** semver 2.0.0, a leading "v" allowed. */
export interface Version {
  /** As written. */
  readonly text: string;
  readonly major: number;
  readonly minor: number;
  readonly patch: number;
  /** Empty: a release. */
  readonly prerelease: string;
}

// semver.org §"suggested regular expression"; numbers short enough to be exact.
const pattern =
  /^v?(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})(?:-((?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(?:\.(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*))?(?:\+[0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*)?$/;

export function parseVersion(text: string): Version | undefined {
  const match = text.length > 128 ? null : pattern.exec(text);
  if (match === null) return undefined;
  const [, major, minor, patch, prerelease = ''] = match;
  return { text, major: Number(major), minor: Number(minor), patch: Number(patch), prerelease };
}

/** Negative when a comes before b; build metadata does not count. semver.org §11 */
export function compareVersions(a: Version, b: Version): number {
  const byNumbers = a.major - b.major || a.minor - b.minor || a.patch - b.patch;
  return byNumbers === 0 ? comparePrereleases(a.prerelease, b.prerelease) : byNumbers;
}

function comparePrereleases(a: string, b: string): number {
  // A release comes after all of its prereleases.
  if (a === '' || b === '') return Number(a === '') - Number(b === '');
  const [left, right] = [a.split('.'), b.split('.')];
  for (const [index, identifier] of left.entries()) {
    const other = right[index];
    if (other === undefined) return 1;
    const order = compareIdentifiers(identifier, other);
    if (order !== 0) return order;
  }
  return left.length - right.length;
}

const numeric = /^\d+$/;

function compareIdentifiers(a: string, b: string): number {
  const [isNumber, isOtherNumber] = [numeric.test(a), numeric.test(b)];
  if (isNumber !== isOtherNumber) return isNumber ? -1 : 1;
  // Numbers have no leading zeros: the longer one is larger.
  if (isNumber && a.length !== b.length) return a.length - b.length;
  return a < b ? -1 : Number(a > b);
}
