import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { concurrently } from '../../src/admission/concurrently.ts';
import { podSecurityConflicts } from '../../src/contract/pod-security.ts';
import { publishedCases } from '../contract/security/published-cases.ts';
import { hasCluster, kubeconfig } from './access.ts';
import { connect, type Answer, type Api } from './gate/api.ts';
import { randomPods, type RandomPod } from './random-pods.ts';

/** The strictest standard that a Pod is inside of; `invalid`: the API server refuses it before it asks. */
type Verdict = 'restricted' | 'baseline' | 'privileged' | 'invalid';

const requestsAtOnce = 8;
const wanted = 10_000;
// Some are not valid.
const tried = wanted + 500;

/** A message is no place for ten thousand. */
const maxShown = 5;

describe.runIf(hasCluster)('the PodSecurity admission of the API server', () => {
  let api: Api;
  let ofBaseline: string;
  let ofRestricted: string;

  beforeAll(async () => {
    api = connect(kubeconfig);
    ofBaseline = await api.namespace({ [`${prefix}/enforce`]: 'baseline', [`${prefix}/warn`]: 'restricted' });
    ofRestricted = await api.namespace({ [`${prefix}/enforce`]: 'restricted' });
  });
  afterAll(() => api?.close());

  /** Two questions, or one when the answer to the first is a warning about the other. */
  async function judged(pod: RandomPod): Promise<Verdict> {
    const first = await tryOut(ofBaseline, pod);
    if (isInvalid(first)) return 'invalid';
    if (!isRefused(first)) return isWarned(first) ? 'baseline' : 'restricted';
    const second = await tryOut(ofRestricted, pod);
    if (!isRefused(second)) throw new Error(`inside restricted, outside baseline: ${JSON.stringify(pod)}`);
    return 'privileged';
  }

  function tryOut(namespace: string, { annotations, spec }: RandomPod): Promise<Answer> {
    return api.tryOut({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'tried', namespace, annotations }, spec });
  }

  test('says of the published cases what is published', async () => {
    const found = await concurrently(publishedCases, requestsAtOnce, async ({ name, level, verdict, ...pod }) => {
      const inside = await judged({ annotations: pod.annotations ?? {}, spec: pod.podSpec });
      const passes = inside === 'restricted' || inside === level;
      return { name, level, verdict, found: inside === 'invalid' ? inside : passes ? 'pass' : 'fail' };
    });
    expect(found.filter((one) => one.found !== one.verdict && one.found !== 'invalid')).toEqual([]);
    // Of these the API server itself says now that they are no Pods.
    const invalid = new Set(
      found.filter((one) => one.found === 'invalid').map(({ name, verdict }) => `${name}: ${verdict}`),
    );
    expect(invalid).toEqual(new Set(['procmount0: fail', 'procmount1: fail']));
  });

  test(`says of ${wanted} random Pods what we say`, { timeout: 300_000 }, async () => {
    const pods = fc.sample(randomPods, tried);
    const verdicts = await concurrently(pods, requestsAtOnce, async (pod) => ({ pod, theirs: await judged(pod) }));
    const valid = verdicts.filter(({ theirs }) => theirs !== 'invalid');
    const differing = valid
      .map(({ pod, theirs }) => ({ ours: ourVerdict(pod), theirs, pod }))
      .filter(({ ours, theirs }) => ours !== theirs);
    expect(differing.slice(0, maxShown)).toEqual([]);
    expect(valid.length).toBeGreaterThanOrEqual(wanted);
    for (const verdict of ['restricted', 'baseline', 'privileged'] as const) {
      // Otherwise there is little to compare.
      expect(valid.filter(({ theirs }) => theirs === verdict).length).toBeGreaterThan(wanted / 10);
    }
  });
});

const prefix = 'pod-security.kubernetes.io';

function ourVerdict({ annotations, spec }: RandomPod): Verdict {
  const isInside = (level: 'baseline' | 'restricted'): boolean =>
    podSecurityConflicts(level, spec, annotations).length === 0;
  if (isInside('restricted')) return 'restricted';
  return isInside('baseline') ? 'baseline' : 'privileged';
}

function isInvalid({ status }: Answer): boolean {
  return status === 422;
}

function isRefused({ status, text }: Answer): boolean {
  if (status === 201) return false;
  // Of PodSecurity, not of anything else that may say no.
  if (status === 403 && text.includes('violates PodSecurity')) return true;
  throw new Error(`${status} ${text}`);
}

function isWarned({ headers }: Answer): boolean {
  return String(headers['warning'] ?? '').includes('would violate PodSecurity');
}
