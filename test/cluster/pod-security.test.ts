import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { concurrently } from '../../src/admission/concurrently.ts';
import { bindPod, type Binding, type BoundPod } from '../../src/contract/bind-pod.ts';
import type { ActionContract } from '../../src/contract/model.ts';
import { podSecurityConflicts } from '../../src/contract/pod-security.ts';
import { digestOf } from '../../src/kernel/digest.ts';
import { actionRules } from '../../src/policy/action-rules.ts';
import { contractWith } from '../contract/kit.ts';
import { publishedCases } from '../contract/security/published-cases.ts';
import { actionPolicy } from '../policy/action-kit.ts';
import { pinned } from '../policy/kit.ts';
import { hasCluster, kubeconfig } from './access.ts';
import { connect, type Answer, type Api } from './gate/api.ts';
import { valueAt } from './gate/workloads.ts';
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

  test('accepts as restricted what binding makes of random Pods', { timeout: 120_000 }, async () => {
    // What contracts say is of Linux. A deprecated annotation beside a field that says something else is not valid.
    const linuxPods = randomPods.filter(
      ({ spec, annotations }) => valueAt(spec, 'os.name') !== 'windows' && Object.keys(annotations).length === 0,
    );
    const pods = fc.sample(fc.tuple(linuxPods, fc.constantFrom(...contracts)), 600);
    const outcomes = await concurrently(pods, requestsAtOnce, async ([pod, contract]) => {
      const before = await judged(pod);
      const { podSpec, annotations, conflicts } = bound(pod, contract);
      if (before === 'invalid' || conflicts.length > 0) return undefined;
      return { before, after: await judged({ annotations, spec: podSpec }), pod, podSpec };
    });
    const accepted = outcomes.filter((outcome) => outcome !== undefined);
    expect(accepted.filter(({ after }) => after !== 'restricted').slice(0, maxShown)).toEqual([]);
    expect(accepted.filter(({ before }) => before === 'privileged').length).toBeGreaterThan(30);
    expect(accepted.filter(({ before }) => before === 'baseline').length).toBeGreaterThan(60);
  });
});

const contracts = [
  {},
  { runAsNonRoot: true, runAsUser: 1000, allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
  { privileged: true, seccompProfile: { type: 'Unconfined' }, procMount: 'Unmasked', runAsNonRoot: false },
  { capabilities: { add: ['NET_BIND_SERVICE', 'SYS_ADMIN'], drop: ['NET_RAW'] }, readOnlyRootFilesystem: true },
  { seLinuxOptions: { type: 'spc_t', user: 'u' }, appArmorProfile: { type: 'Localhost', localhostProfile: 'a' } },
].map((securityContext) => contractWith({ inputs: [], securityContext }));

/** All its containers are actions, and the contract replaces what is looser. */
function bound({ annotations, spec }: RandomPod, contract: ActionContract): BoundPod<Binding> {
  const policy = actionPolicy({ podSecurity: 'restricted', contract: { required: true, onConflict: 'Override' } });
  const rules = actionRules([policy], { image: pinned('a.example/app'), namespace: 'team', now: new Date(0) });
  if (rules === undefined) throw new Error('the policy is for every image');
  const common = { digest: digestOf('an image'), rules, contract, effect: 'set' } as const;
  return bindPod({ podSpec: spec, annotations, namespace: 'team', containersOnly: false }, [
    { ...common, list: 'containers', index: 0 },
    { ...common, list: 'containers', index: 1 },
    { ...common, list: 'initContainers', index: 0 },
  ]);
}

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
