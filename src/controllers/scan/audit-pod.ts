/**
 * What admission would say of a Pod that runs already: the same reviewer, asked about the images that the kubelet has
 * pulled. Nothing is recorded, and nothing is changed.
 */
import { findImages } from '../../admission/find-images.ts';
import { judgedKind } from '../../admission/judged-kinds.ts';
import { policiesFor } from '../../admission/named-action-policy.ts';
import { createReviewer, type Reviewed, type ReviewPorts } from '../../admission/review.ts';
import { defined } from '../../kernel/defined.ts';
import { kindOf } from '../../kernel/failure.ts';
import { parseImageReference } from '../../kernel/image-reference.ts';
import { patched } from '../../kernel/json-patch.ts';
import { ok } from '../../kernel/result.ts';
import type { PolicySnapshot } from '../../policy/model.ts';
import { possibleActionPolicies } from '../../policy/plan-unpinned.ts';
import type { Violation } from '../../policy/verdict.ts';
import type { DecidedImage } from '../../ports/decision-log.ts';
import type { RunningPod } from '../../ports/running-pods.ts';
import type { Finding } from './decide.ts';
import { asItRuns } from './running-images.ts';

export type AuditPorts = Pick<ReviewPorts, 'policies' | 'evidence' | 'definitions' | 'clock' | 'log'>;

export interface AuditedPod {
  readonly findings: readonly Finding[];
  readonly images: readonly AuditedImage[];
}

export interface AuditedImage {
  /** Its digest where it has one. */
  readonly id: string;
  /** kind/name of every policy that has a say about it. */
  readonly policies: readonly string[];
}

export interface PodAuditor {
  /** The images that it would have to be asked about, without asking. */
  imagesOf(pod: RunningPod): readonly string[];
  /** Undefined: there are no policies yet. */
  audit(pod: RunningPod, signal: AbortSignal): Promise<AuditedPod | undefined>;
}

const pods = judgedKind({ group: '', version: 'v1', resource: 'pods' });
/** Cold images of one Pod, with a registry that is slow. */
const deadlineMs = 30_000;
const nothingCounted = { admission: () => undefined, refusal: () => undefined, decisionLogFailure: () => undefined };

export function createPodAuditor(ports: AuditPorts): PodAuditor {
  let ids = 0;
  const reviewer = createReviewer(
    {
      ...ports,
      decisionLog: { append: async () => ok(undefined) },
      metrics: nothingCounted,
      // A line for each Pod of the cluster would say nothing that the report does not.
      log: { info: () => undefined, warn: () => undefined, error: (...told) => ports.log.error(...told) },
      newId: () => `scan-${(ids += 1)}`,
    },
    { onDecisionLogFailure: 'admit', recordedPhase: 'review' },
  );

  return {
    imagesOf: ({ object }) => imageTexts(asItRuns(object)),
    async audit(pod, outer) {
      const snapshot = ports.policies.current();
      if (snapshot === undefined) return undefined;
      const signal = AbortSignal.any([outer, AbortSignal.timeout(deadlineMs)]);
      const object = await pinned(asItRuns(pod.object));
      const policies = policiesFor(snapshot, object, pods ?? {});
      return auditedOf(
        policies.ok ? policies.value : snapshot,
        await reviewer.review('validate', reviewOf(pod, object), { signal }),
      );

      /** Containers that do not run yet, and volumes, may have nothing but a tag: judged is what it names now. */
      async function pinned(found: RunningPod['object']): Promise<unknown> {
        if (imageTexts(found).every((text) => text.includes('@'))) return found;
        const { outcome } = await reviewer.review('mutate', reviewOf(pod, found), { signal });
        return patched(
          found,
          outcome.patch.filter(({ op, path }) => op === 'replace' && isImage(path)),
        );
      }
    },
  };
}

function isImage(path: string): boolean {
  return /^\/spec\/(?:containers|initContainers|ephemeralContainers)\/\d+\/image$|^\/spec\/volumes\/\d+\/image\/reference$/.test(
    path,
  );
}

function reviewOf({ namespace, name, uid }: RunningPod, object: unknown): unknown {
  return {
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid,
      kind: { group: '', version: 'v1', kind: 'Pod' },
      resource: { group: '', version: 'v1', resource: 'pods' },
      name,
      namespace,
      operation: 'CREATE',
      userInfo: { username: 'scan' },
      object,
      oldObject: null,
      dryRun: true,
    },
  };
}

function auditedOf(snapshot: PolicySnapshot, { outcome }: Reviewed): AuditedPod {
  const { violations, warnings, audited, images } = outcome;
  const found = [
    ...violations.map((violation) =>
      findingOf(violation, kindOf(violation) === 'violation' ? 'fail' : 'error', images),
    ),
    ...warnings.map((violation) => findingOf(violation, 'warn', images)),
    ...audited.map((violation): Finding => ({ ...findingOf(violation, 'warn', images), onlyWatched: true })),
  ];
  const policies = images.map((image) => policiesOf(snapshot, image));
  const passes = images.flatMap((image, index) => passesOf(image, policies[index] ?? [], found));
  return {
    findings: [...found, ...passes],
    images: images.map(({ digest, image }, index) => ({ id: digest ?? image, policies: policies[index] ?? [] })),
  };
}

/** For results that no policy is named in. */
const wholeInstallation = 'countersign';

function findingOf(
  { code, message, policy, image, fields }: Violation,
  result: Finding['result'],
  images: readonly DecidedImage[],
): Finding {
  const digest = images.find((one) => one.image === image)?.digest;
  return {
    policy: policy ?? (code === 'NO_MATCHING_POLICY' ? 'no-match-policy' : wholeInstallation),
    code,
    result,
    message,
    ...defined('image', image === '' ? undefined : image),
    ...defined('digest', digest),
    ...defined('field', fields[0]),
  };
}

/** kind/name, as the policies that had a say, or would have one. */
function policiesOf(snapshot: PolicySnapshot, { image, policies }: DecidedImage): readonly string[] {
  const parsed = parseImageReference(image);
  const actions = parsed.ok ? possibleActionPolicies(snapshot.actionPolicies, parsed.value) : [];
  return [
    ...policies.map((name) => `ClusterImagePolicy/${name}`),
    ...actions.map(({ name }) => `ActionPolicy/${name}`),
  ];
}

function passesOf(
  { image, digest, field }: DecidedImage,
  policies: readonly string[],
  found: readonly Finding[],
): readonly Finding[] {
  return policies.flatMap((kindAndName): readonly Finding[] => {
    const policy = kindAndName.slice(kindAndName.indexOf('/') + 1);
    // One that several policies share names them all.
    const speaks = (finding: Finding): boolean =>
      finding.policy.split(', ').includes(policy) && (finding.image ?? image) === image;
    // Whatever could not be looked at has not passed anything.
    const isOpen = found.some((finding) => finding.image === undefined && finding.policy === wholeInstallation);
    if (isOpen || found.some(speaks)) return [];
    return [{ policy, result: 'pass', message: 'passes', image, ...defined('digest', digest), field }];
  });
}

function imageTexts(pod: RunningPod['object']): readonly string[] {
  const found = pods === undefined ? ok([]) : findImages(pods.images, pod);
  return found.ok ? found.value.map(({ text }) => text) : [];
}
