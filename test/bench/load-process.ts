/** A process that sends AdmissionReviews over a number of connections for a while, and tells how long each took. */
import { setTimeout as sleep } from 'node:timers/promises';
import { answerQuestions, tell } from './child.ts';
import { Connection, postRequest } from './connection.ts';
import { podReview, type BoundPart } from './pod-review.ts';
import { percentile } from './statistics.ts';

/**
 * `exchange`s AdmissionReviews of `images` in turn, `connections` at a time, for that long, or until an answer has this in
 * it; without either, each once.
 */
export interface Load {
  readonly port: number;
  readonly ca: string;
  readonly path: string;
  readonly images: readonly string[];
  /** Of Pods whose image is an action. */
  readonly bound?: BoundPart;
  readonly connections: number;
  readonly milliseconds?: number;
  readonly until?: string;
  /** What every answer has to contain. */
  readonly expected: readonly string[];
}

export interface LoadResult {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly requests: number;
  readonly tookMs: number;
}

answerQuestions(async (load: Load): Promise<LoadResult> => {
  const { port, ca, path, images, bound, connections, milliseconds, until, expected } = load;
  const requests = images.map((image, index) => postRequest(path, podReview(index, image, bound)));
  const open = await Promise.all(Array.from({ length: connections }, () => Connection.open(port, ca)));
  const took: number[] = [];
  let sent = 0;
  const started = performance.now();
  let isFound = false;
  const isOver = (now: number): boolean => {
    if (until !== undefined) return isFound;
    return milliseconds === undefined ? sent >= requests.length : now - started >= milliseconds;
  };
  const work = async (connection: Connection): Promise<void> => {
    for (let now = performance.now(); !isOver(now); now = performance.now()) {
      const request = requests[sent % requests.length] ?? Buffer.alloc(0);
      sent += 1;
      const response = await connection.exchange(request);
      check(response, expected);
      isFound ||= until !== undefined && response.includes(until);
      // Whoever waits for something leaves the webhook alone in between.
      if (until !== undefined && !isFound) await sleep(5);
      took.push(performance.now() - now);
    }
  };
  await Promise.all(open.map(work));
  const tookMs = performance.now() - started;
  for (const connection of open) connection.close();
  return {
    perSecond: (took.length * 1_000) / tookMs,
    p50Ms: percentile(took, 50),
    p99Ms: percentile(took, 99),
    requests: took.length,
    tookMs,
  };
});
tell({});

function check(response: string, expected: readonly string[]): void {
  const missing = expected.find((part) => !response.includes(part));
  if (missing !== undefined) throw new Error(`an answer without ${missing}: ${response.slice(0, 2_000)}`);
}
