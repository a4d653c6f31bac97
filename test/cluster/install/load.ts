/**
 * Twenty admissions a second through the API server, signed and unsigned by turns, each with the one answer that is right.
 * Nothing is stored: the Pods are dry runs.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { asRecord } from '../../../src/kernel/strict-json.ts';
import type { Answer, Api } from '../gate/api.ts';
import type { PushedImage } from '../gate/images.ts';
import { pod, podSpec, valueAt } from '../gate/workloads.ts';

export interface LoadTarget {
  readonly api: Api;
  /** Opted in. */
  readonly namespace: string;
  readonly signed: readonly PushedImage[];
  readonly unsigned: readonly PushedImage[];
}

export interface Wrong {
  /** Seconds since the start. */
  readonly at: number;
  readonly image: 'signed' | 'unsigned';
  readonly status: number;
  readonly text: string;
}

export interface LoadReport {
  readonly passed: number;
  readonly refused: number;
  /** The API server could not be reached, or hung up. */
  readonly unanswered: number;
  /** Of signed images: refused, or not held to the digest. Of unsigned ones: any answer but our refusal. */
  readonly wrong: readonly Wrong[];
  /** The worst of them is admitting what is not signed. */
  readonly admitted: readonly Wrong[];
  readonly seconds: number;
  /** Of answered requests, in milliseconds. */
  readonly slowest: number;
}

export interface Load {
  /** Ends it, and waits for what is under way. */
  stop(): Promise<LoadReport>;
}

const perSecond = 20;
/** Whatever happens to the suite, load does not go on. */
const longestSeconds = 300;

export function startLoad(target: LoadTarget): Load {
  const started = performance.now();
  const stopping = new AbortController();
  const running: Promise<void>[] = [];
  const wrong: Wrong[] = [];
  let [passed, refused, unanswered, slowest] = [0, 0, 0, 0];

  async function ask(n: number): Promise<void> {
    const isSigned = n % 2 === 0;
    const images = isSigned ? target.signed : target.unsigned;
    const image = images[Math.floor(n / 2) % images.length];
    if (image === undefined) throw new Error('load needs images');
    const began = performance.now();
    const answer = await target.api
      .tryOut(pod(target.namespace, `load-${n}`, podSpec(image.tagged)))
      .catch(() => undefined);
    if (answer === undefined) {
      unanswered += 1;
      return;
    }
    slowest = Math.max(slowest, performance.now() - began);
    if (isSigned && isPinned(answer, image)) passed += 1;
    else if (!isSigned && isOurRefusal(answer)) refused += 1;
    else wrong.push({ at: seconds(started), image: isSigned ? 'signed' : 'unsigned', ...short(answer) });
  }

  async function send(): Promise<void> {
    for (let n = 0; n < perSecond * longestSeconds && !stopping.signal.aborted; n += 1) {
      running.push(ask(n));
      const due = started + ((n + 1) * 1_000) / perSecond;
      await sleep(Math.max(0, due - performance.now()), undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  }

  const sending = send();
  return {
    async stop() {
      stopping.abort();
      await sending;
      await Promise.all(running);
      const admitted = wrong.filter(({ image, status }) => image === 'unsigned' && status < 300);
      return { passed, refused, unanswered, wrong, admitted, seconds: seconds(started), slowest };
    },
  };
}

const seconds = (since: number): number => Math.round((performance.now() - since) / 100) / 10;
const short = ({ status, text }: Answer): Pick<Wrong, 'status' | 'text'> => ({ status, text: text.slice(0, 500) });

function isPinned({ status, text }: Answer, { pinned }: PushedImage): boolean {
  return status === 201 && valueAt(JSON.parse(text), 'spec.containers[0].image') === pinned;
}

const ourRefusal = /^admission webhook "validate\.countersign\.dev" denied the request: SIGNATURE_MISSING: /;

function isOurRefusal({ status, text }: Answer): boolean {
  return status === 403 && ourRefusal.test(String(asRecord(JSON.parse(text))?.['message']));
}
