/**
 * One AdmissionReview in, one out: receive, decode, scope, extract, plan, gather, judge, answer. Whatever happens on the
 * way ends in an answer of its own with uid, code and correlation id, and in exactly one decision record, which is
 * written before the answer is given. Nothing here knows registries, keys or HTTP; the only I/O is behind the ports.
 */
import type { EvidenceSource } from '../evidence/evidence-source.ts';
import { defined } from '../kernel/defined.ts';
import { CodedError, failure, type Failure } from '../kernel/failure.ts';
import { ok, type Result } from '../kernel/result.ts';
import type { PolicySnapshot } from '../policy/model.ts';
import type { Clock } from '../ports/clock.ts';
import type { Decision, DecisionLog } from '../ports/decision-log.ts';
import type { Logger } from '../ports/logger.ts';
import type { Metrics } from '../ports/metrics.ts';
import type { Policies } from '../ports/policies.ts';
import type { RefusalEvents } from '../ports/refusal-events.ts';
import type { TektonDefinitions } from '../ports/tekton-definitions.ts';
import type { TrustRootCheck } from '../ports/trust-root-check.ts';
import type { Run } from '../tekton/resolve-run.ts';
import { answer } from './answer.ts';
import { settleBy } from './deadline.ts';
import { checkPolicy, isPolicy } from './check-policy.ts';
import { checkResize } from './check-resize.ts';
import { checkTask, isTask } from './check-task.ts';
import { checkWorkflow, isWorkflow } from './check-workflow.ts';
import { decode, parseBody, uidOf, type AdmissionRequest } from './decode.ts';
import { changedHeldImages, changesHeldImages } from './hold-run.ts';
import { judgeImages } from './judge-images.ts';
import { judgedKind, type JudgedKind } from './judged-kinds.ts';
import type { Matter } from './matter.ts';
import { isAllowed, policiesUnavailable, refuse, skip, type Outcome, type SkipReason } from './outcome.ts';
import { policiesFor } from './named-action-policy.ts';
import { pinImages } from './pin.ts';
import { createPlanner } from './planner.ts';
import { quietly } from './quietly.ts';
import { readRun, runOf, type OnUnresolvedImage } from './read-run.ts';
import { decisionOf } from './record.ts';
import { record } from './record-decision.ts';
import {
  exemptionOf,
  fieldsToJudge,
  isResize,
  isUnderstood,
  leavesTagsToPods,
  podPlace,
  unsupported,
} from './scope.ts';
import { objectFacts, subjectsOf, workloadOf } from './subjects.ts';
import { whoWaits } from './who-waits.ts';

export type Phase = 'mutate' | 'validate';

export interface ReviewPorts {
  readonly policies: Policies;
  readonly evidence: EvidenceSource;
  /** Absent: what Tekton's runs refer to is left to their Pods. */
  readonly definitions?: TektonDefinitions;
  readonly decisionLog: DecisionLog;
  readonly clock: Clock;
  readonly metrics: Pick<Metrics, 'admission' | 'refusal' | 'decisionLogFailure'>;
  readonly log: Logger;
  /** Absent: what is in a TrustRoot's TUF repository is found out later. */
  readonly trustRoots?: TrustRootCheck;
  /** Absent: only the requester is told. */
  readonly refusals?: RefusalEvents;
  /** A new correlation id. */
  readonly newId: () => string;
}

export interface ReviewSettings {
  /**
   * What happens to a decision that cannot be recorded. `refuse`: nothing is decided unrecorded, and the answer is a
   * retriable DECISION_LOG_UNAVAILABLE. `admit`: the decision stands, counted and logged as unrecorded.
   */
  readonly onDecisionLogFailure: 'refuse' | 'admit';
  /** What happens to a Tekton run whose images are not all known when it is created; absent: `defer`. */
  readonly onUnresolvedImage?: OnUnresolvedImage;
  /** Whether images that a workflow or an Agent names are judged with it. Absent: before they run, and at their Pods. */
  readonly judgesWorkflowImages?: boolean;
  /** The name of the phase in decision records; `review` on the command line. */
  readonly recordedPhase?: Decision['phase'];
}

export interface ReviewOptions {
  /** The caller's deadline. An answer is given shortly after it, whatever the ports do. */
  readonly signal: AbortSignal;
}

/** A finished answer. */
export interface Reviewed {
  readonly httpStatus: number;
  /** The AdmissionReview as JSON. */
  readonly body: string;
  readonly outcome: Outcome;
  readonly decision: Decision;
}

/** No method rejects. */
export interface Reviewer {
  /** Judges one AdmissionReview as it came over the wire. */
  reviewBytes(phase: Phase, bytes: Uint8Array, options: ReviewOptions): Promise<Reviewed>;
  /** The same for an AdmissionReview that is parsed already. */
  review(phase: Phase, body: unknown, options: ReviewOptions): Promise<Reviewed>;
  /** Refuses a request whose content nobody looked at; with `bytes`, its uid is put into the answer. */
  refuseUnread(phase: Phase, failed: Failure, bytes?: Uint8Array): Promise<Reviewed>;
}

export function createReviewer(ports: ReviewPorts, settings: ReviewSettings): Reviewer {
  const judging = {
    evidence: ports.evidence,
    planner: createPlanner(),
    clock: ports.clock,
    ...defined('definitions', ports.definitions),
    onUnresolvedImage: settings.onUnresolvedImage ?? 'defer',
  };

  async function review(phase: Phase, body: Result<unknown>, { signal }: ReviewOptions): Promise<Reviewed> {
    const opened = open(ports);
    const uid = body.ok ? uidOf(body.value) : '';
    const decoded = body.ok ? decode(body.value) : body;
    const request = decoded.ok ? decoded.value : undefined;
    const outcome = decoded.ok
      ? await decided(opened, decideInTime(phase, decoded.value, signal))
      : refuse(decoded.failure);
    return conclude({ ...opened, phase, uid, request }, outcome);
  }

  /** Whatever is thrown on the way is a refusal; where it came from is for the log, not for the requester. */
  async function decided({ broken, correlationId }: Opened, outcome: Promise<Outcome>): Promise<Outcome> {
    try {
      const found = await outcome;
      return broken ? refuse(internal) : found;
    } catch (error) {
      quietly(() => ports.log.error({ correlationId, err: error }, 'admission failed unexpectedly'));
      return refuse(error instanceof CodedError ? error.failure : internal);
    }
  }

  async function decideInTime(phase: Phase, request: AdmissionRequest, signal: AbortSignal): Promise<Outcome> {
    return settleBy(signal, summingUpMs, decide(phase, request, signal), () => refuse(late));
  }

  async function decide(phase: Phase, request: AdmissionRequest, signal: AbortSignal): Promise<Outcome> {
    const kind = judgedKind(request.resource);
    const exempt = exemptionOf(request, kind);
    if (exempt !== undefined) return skip(exempt);
    const checked = request.subResource === '' ? await checkDocument(request) : undefined;
    if (checked !== undefined) return checked;
    if (!isUnderstood(request, kind)) return refuse(unsupported(request));

    if (changesHeldImages(request)) return refuse(changedHeldImages);
    const matter = readMatter(request, kind);
    if (!matter.ok) return refuse(matter.failure);
    const { subjects, deferred, empty } = matter.value;
    if (subjects.length === 0 && deferred.length === 0 && runOf(request) === undefined) return skip(empty);

    const snapshot = ports.policies.current();
    if (snapshot === undefined) return policiesUnavailable();
    return decideUnder(snapshot, phase, request, { kind, matter: { ...matter.value, signal } });
  }

  async function decideUnder(
    snapshot: PolicySnapshot,
    phase: Phase,
    request: AdmissionRequest,
    { kind, matter }: { readonly kind: JudgedKind; readonly matter: Omit<Matter, 'snapshot'> },
  ): Promise<Outcome> {
    const policies = policiesFor(snapshot, request.object, kind);
    if (!policies.ok) return refuse(policies.failure);
    const written = { ...matter, snapshot: policies.value };
    return isResize(request) ? settleResize(phase, written) : settle(phase, written, runOf(request));
  }

  /** Documents of ours are judged by themselves, not by images. */
  async function checkDocument(request: AdmissionRequest): Promise<Outcome | undefined> {
    if (isPolicy(request.resource))
      return checkPolicy(request, ports.clock.now(), ports.trustRoots, ports.policies.current()?.rules);
    if (!isTask(request.resource) && !isWorkflow(request.resource)) return undefined;
    const checked = isTask(request.resource) ? checkTask(request) : checkWorkflow(request);
    return settings.judgesWorkflowImages === true && isAllowed(checked.verdict) ? undefined : checked;
  }

  async function settleResize(phase: Phase, matter: Matter): Promise<Outcome> {
    return phase === 'mutate' ? skip('subresource-without-images') : checkResize(judging, matter);
  }

  async function settle(phase: Phase, written: Matter, run: Run | undefined): Promise<Outcome> {
    // Without contracts there is nothing to set in a PipelineRun: its TaskRuns come here by themselves.
    const isSet = run?.kind === 'TaskRun' || written.snapshot.actionPolicies.length > 0;
    const isRead = run !== undefined && (phase === 'validate' || isSet);
    const matter = isRead ? await readRun(judging, run, written) : ok(written);
    if (!matter.ok) return refuse(matter.failure);
    if (isRead && namesNothing(matter.value)) return skip('no-image');
    return phase === 'mutate' ? pinImages(judging, matter.value) : judgeImages(judging, matter.value);
  }

  /** Records, then answers: nobody acts on a decision that cannot be found again. */
  async function conclude(known: Known, outcome: Outcome): Promise<Reviewed> {
    const durationMs = elapsedMs(ports.clock, known.started);
    const circumstances = { ...known, phase: settings.recordedPhase ?? known.phase, durationMs };
    const decision = decisionOf(circumstances, outcome);
    const unrecorded = await record(ports, decision);
    if (unrecorded === undefined || settings.onDecisionLogFailure === 'admit')
      return answered(known, outcome, decision);
    const refused = refuse(unrecorded);
    return answered(known, refused, decisionOf(circumstances, refused));
  }

  function answered(known: Known, outcome: Outcome, decision: Decision): Reviewed {
    quietly(() => count(ports.metrics, known, outcome, decision.durationMs));
    quietly(() => ports.log.info(logFields(decision), 'admission decided'));
    if (!isAllowed(outcome.verdict)) quietly(() => tell(known.request, decision));
    return { ...answer(known.uid, outcome, known.correlationId), outcome, decision };
  }

  function tell(request: AdmissionRequest | undefined, decision: Decision): void {
    if (request !== undefined) ports.refusals?.refused(whoWaits(request), decision);
  }

  return {
    reviewBytes: async (phase, bytes, options) => review(phase, parseBody(bytes), options),
    review: async (phase, body, options) => review(phase, ok(body), options),
    refuseUnread: async (phase, failed, bytes) => {
      const body = bytes === undefined ? undefined : parseBody(bytes);
      const uid = body?.ok === true ? uidOf(body.value) : '';
      return conclude({ ...open(ports), phase, uid, request: undefined }, refuse(failed));
    },
  };
}

/** How long after its deadline a request may take to say what it has found. */
const summingUpMs = 250;

const internal = failure(
  'INTERNAL',
  'Countersign failed unexpectedly; its log has the cause under the request named here',
);
const late = failure('DEADLINE_EXCEEDED', 'the request could not be judged in time; it can be tried again', 2);

/** A run without steps: nothing is known of it that could be judged, and nothing is unknown. */
function namesNothing({ subjects, deferred, run }: Matter): boolean {
  const said = run === undefined ? 0 : run.violations.length + run.notices.length + run.images.length;
  return subjects.length + deferred.length + said === 0;
}

/** What is fixed about a request before anything is read of it. */
interface Opened {
  readonly correlationId: string;
  readonly started: Date;
  /** A port failed already; the request is refused. */
  readonly broken: boolean;
}

interface Known extends Opened {
  readonly phase: Phase;
  readonly uid: string;
  readonly request: AdmissionRequest | undefined;
}

function open(ports: Pick<ReviewPorts, 'clock' | 'newId'>): Opened {
  const correlationId = quietly(ports.newId);
  const started = quietly(() => ports.clock.now());
  return {
    correlationId: correlationId ?? 'none',
    started: started ?? new Date(0),
    broken: correlationId === undefined || started === undefined,
  };
}

/** The request as far as policies are concerned, all of it read once. */
function readMatter(
  request: AdmissionRequest,
  kind: JudgedKind,
): Result<Omit<Matter, 'snapshot' | 'signal'> & { readonly empty: SkipReason }> {
  const fields = fieldsToJudge(request, kind);
  if (!fields.ok) return fields;
  const subjects = subjectsOf(fields.value.filter((field) => !field.deferred));
  if (!subjects.ok) return subjects;
  const object = objectFacts(request);
  if (!object.ok) return object;
  return ok({
    object: object.value,
    content: request.object ?? {},
    ...defined('pod', podPlace(request, kind)),
    workload: workloadOf(request, kind),
    subjects: subjects.value,
    deferred: fields.value.filter((field) => field.deferred),
    leavesTagsToPods: leavesTagsToPods(request, kind),
    empty: request.operation === 'UPDATE' ? 'images-unchanged' : 'no-image',
  });
}

function elapsedMs(clock: Clock, started: Date): number {
  const now = quietly(() => clock.now()) ?? started;
  return Math.max(0, now.getTime() - started.getTime());
}

function count(metrics: ReviewPorts['metrics'], known: Known, outcome: Outcome, durationMs: number): void {
  metrics.admission(known.phase, outcome.verdict, known.request?.kind ?? '', durationMs / 1_000);
  for (const { code, policy } of outcome.violations) metrics.refusal(code, policy ?? '');
}

/** One line per decision; the decision log has the rest. */
function logFields(decision: Decision): Readonly<Record<string, unknown>> {
  const { correlationId, phase, verdict, operation, kind, namespace, name, skipped, durationMs } = decision;
  const codes = decision.reasons.map(({ code }) => code);
  return { correlationId, phase, verdict, codes, operation, kind, namespace, name, skipped, durationMs };
}
