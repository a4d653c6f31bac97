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
