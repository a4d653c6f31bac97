/** Names of what is made for something: always the same, so that making it again finds it. */
import { digestOf, hexOf } from '../kernel/digest.ts';

const hashLength = 10;

/**
 * `<parent>-<suffix>`; where that is longer than `limit`, its beginning and a hash of both. Of labels it makes a label.
 * RFC 1123
 */
export function childName(parent: string, suffix: string, limit = 63, separator = '-'): string {
  const whole = `${parent}${separator}${suffix}`;
  if (whole.length <= limit) return whole;
  const hash = hexOf(digestOf(JSON.stringify([parent, suffix]))).slice(0, hashLength);
  const beginning = whole.slice(0, limit - hashLength - 1).replace(/[^a-z0-9]+$/, '');
  return `${beginning}${separator}${hash}`;
}
