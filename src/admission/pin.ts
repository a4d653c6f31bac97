/** One operation of an RFC 6902 patch; pinning only ever replaces. */
export interface PatchOperation {
  readonly op: 'replace';
  readonly path: string;
  readonly value: string;
}
