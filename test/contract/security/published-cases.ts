import { readFileSync } from 'node:fs';

type Members = Readonly<Record<string, unknown>>;

export interface PublishedCase {
  readonly level: 'baseline' | 'restricted';
  readonly verdict: 'pass' | 'fail';
  readonly name: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly podSpec: Members;
}

/** Of Kubernetes, see the folder's README. */
export const publishedCases = readFileSync(new URL('../../fixtures/pod-security/v1.35.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  // Of a file of our own.
  .map((line) => JSON.parse(line) as PublishedCase);
