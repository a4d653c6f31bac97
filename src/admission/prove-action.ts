/**
 * What an action image is, before anybody runs it: the decision that admission will make of its Pod, made in advance and
 * with the same code, and stricter. Nothing counts as verified that no policy has verified, and the contract of the image
 * is laid on its Pod whether or not an ActionPolicy asks for it.
 */
import { bindPod, type BoundPod } from '../contract/bind-pod.ts';
import type { ActionContract } from '../contract/model.ts';
import { defined } from '../kernel/defined.ts';
import { parseDigest, type Digest } from '../kernel/digest.ts';
import { failure, quoted, type Failure } from '../kernel/failure.ts';
import { formatImageReference, type ImageReference } from '../kernel/image-reference.ts';
import { difference } from '../kernel/json-patch.ts';
import { fail, ok, type Result } from '../kernel/result.ts';
import { asRecord } from '../kernel/strict-json.ts';
import type { ActionRules } from '../policy/action-policy.ts';
import { actionRules } from '../policy/action-rules.ts';
import type { Signer } from '../policy/facts.ts';
import { judge } from '../policy/judge.ts';
import { planUnpinned } from '../policy/plan-unpinned.ts';
import { plan, type Plan } from '../policy/plan.ts';
import { satisfies } from '../policy/satisfies.ts';
import type { Evidence, Violation } from '../policy/verdict.ts';
import type { Actions, ActionToProve, PodTemplate, ProvenAction } from '../ports/actions.ts';
import type { Policies } from '../ports/policies.ts';
import { judgeImages } from './judge-images.ts';
import type { JudgePorts, Matter } from './matter.ts';
import { judged } from './outcome.ts';
import { createPlanner } from './planner.ts';
import { resolvedSubject, type PlacedSubject } from './subjects.ts';
import { digestDemanded, fateOfTag } from './tags.ts';

type Members = Readonly<Record<string, unknown>>;
type Pinned = ImageReference & { readonly digest: Digest };

export interface ProvingPorts extends Omit<JudgePorts, 'planner'> {
  readonly policies: Policies;
}

export function createActions(ports: ProvingPorts): Actions {
  const judging: JudgePorts = { evidence: ports.evidence, clock: ports.clock, planner: createPlanner() };
  return {
    prove: async (action, signal) => {
      const snapshot = ports.policies.current();
      if (snapshot === undefined) return fail(noPolicies);
      const index = soleContainer(action);
      if (index === undefined) return fail(notOneContainer);
      return prove(judging, action, matterOf(action, action.template, action.image, snapshot, signal));
    },
  };
}

const noPolicies = failure('POLICIES_UNAVAILABLE', 'no policies have been read yet', 2);
const notOneContainer = failure(
  'INTERNAL',
  'the Pod of an action is to have one container, with the image of the action',
);

async function prove(ports: JudgePorts, action: ActionToProve, matter: Matter): Promise<Result<ProvenAction>> {
  const [subject] = matter.subjects;
  if (subject?.image.ok !== true) return fail(unreadable(action.image, subject?.image));
  const pinned = await pin(ports, matter, subject, subject.image.value);
  if (!pinned.ok) return pinned;
  const signers = await signersOf(ports, matter, subject, pinned.value);
  if (!signers.ok) return signers;
  const contract = await contractOf(ports, matter, pinned.value);
  if (!contract.ok) return contract;
  const image = subject.image.value.digest === undefined ? formatImageReference(pinned.value) : action.image;
  const bound = bind(ports, matter, withImage(action.template, image), pinned.value, contract.value);
  if (!bound.ok) return bound;
  // The last word is the gate's own, about the Pod as it will come to it.
  const gate = await judgeImages(ports, matterOf(action, bound.value.template, image, matter.snapshot, matter.signal));
  if (gate.violations.length > 0) return fail(allOf(gate.violations));
  return ok({
    image,
    signers: signers.value,
    ...defined('contract', contract.value),
    template: bound.value.template,
    warnings: [...new Set([...bound.value.warnings, ...gate.warnings.map(({ message }) => message)])],
  });
}

// ---- the Pod as a matter for the gate

const containerAt = ['spec', 'containers', 0, 'image'] as const;
const field = 'spec.containers[0].image';
const podPlace = { podSpec: ['spec'], metadata: ['metadata'], containersOnly: false };

function soleContainer({ image, template: { spec } }: ActionToProve): 0 | undefined {
  const { containers, initContainers, ephemeralContainers } = spec;
  const others = [initContainers, ephemeralContainers].some((list) => Array.isArray(list) && list.length > 0);
  if (others || !Array.isArray(containers) || containers.length !== 1) return undefined;
  return asRecord(containers[0])?.['image'] === image ? 0 : undefined;
}

function matterOf(
  { namespace }: ActionToProve,
  template: PodTemplate,
  image: string,
  snapshot: Matter['snapshot'],
  signal: AbortSignal,
): Matter {
  const account = template.spec['serviceAccountName'];
  return {
    snapshot,
    object: { group: '', version: 'v1', resource: 'pods', namespace, labels: template.metadata.labels },
    content: { metadata: template.metadata, spec: template.spec },
    pod: podPlace,
    workload: {
      namespace,
      serviceAccount: typeof account === 'string' ? account : 'default',
      pullSecrets: pullSecretsOf(template.spec),
    },
    subjects: [
      { ...resolvedSubject(image, [field]), places: [{ path: containerAt, field, text: image, deferred: false }] },
    ],
    deferred: [],
    leavesTagsToPods: false,
    signal,
  };
}

function pullSecretsOf({ imagePullSecrets }: Members): readonly string[] {
  if (!Array.isArray(imagePullSecrets)) return [];
  const names = imagePullSecrets.map((secret: unknown) => asRecord(secret)?.['name']);
  return names.filter((name) => typeof name === 'string');
}

function withImage({ metadata, spec }: PodTemplate, image: string): PodTemplate {
  const containers: readonly unknown[] = Array.isArray(spec['containers']) ? spec['containers'] : [];
  return { metadata, spec: { ...spec, containers: containers.with(0, { ...asRecord(containers[0]), image }) } };
}

// ---- its image

/** Digests of samples are placeholders: what is wrong with them is said first. */
function unreadable(image: string, parsed: PlacedSubject['image'] | undefined): Failure {
  if (parsed === undefined || parsed.ok) return notOneContainer;
  const at = image.indexOf('@');
  const isDigest = at === -1 || parseDigest(image.slice(at + 1)) !== undefined;
  return isDigest ? parsed.failure : { ...parsed.failure, message: `invalid digest: ${parsed.failure.message}` };
}

async function pin(
  { evidence, clock }: JudgePorts,
  { snapshot, object, workload, signal }: Matter,
  subject: PlacedSubject,
  image: ImageReference,
): Promise<Result<Pinned>> {
  const written = parseDigest(image.digest);
  if (written !== undefined) return ok({ ...image, digest: written });
  const digest = await evidence.resolveTag(image, workload, signal);
  if (!digest.ok) {
    // What is refused under any digest is refused without one.
    const planned = planUnpinned(snapshot, image, object, digest.failure);
    const { violations, warnings } = judge(planned, subject, 'deny', noEvidence);
    return fail(allOf([...violations, ...warnings]));
  }
  const pinned = { ...image, digest: digest.value };
  const rules = actionRules(snapshot.actionPolicies, { image: pinned, namespace: object.namespace, now: clock.now() });
  return fateOfTag(rules, object) === 'refuse' ? fail(digestDemanded) : ok(pinned);
}

const noEvidence: Evidence = new Map();

/** Who has signed it, by all policies that have a say; a policy that only warns is not satisfied with less. */
async function signersOf(
  { evidence }: JudgePorts,
  { snapshot, object, workload, signal }: Matter,
  subject: PlacedSubject,
  image: Pinned,
): Promise<Result<readonly string[]>> {
  const planned = plan(snapshot, image, object);
  const answers =
    planned.questions.length === 0 ? noEvidence : await evidence.answer(planned.questions, workload, signal);
  const { violations, warnings } = judge(planned, subject, 'deny', answers);
  const missing = [...violations, ...warnings];
  return missing.length > 0 ? fail(allOf(missing)) : ok(namesOf(planned, answers));
}

function namesOf({ policies }: Plan, answers: Evidence): readonly string[] {
  const names = policies.flatMap(({ checks }) =>
    checks.flatMap((check) => {
      const answer = check.kind === 'question' ? answers.get(check.question.id) : undefined;
      if (check.kind !== 'question' || answer?.ok !== true) return [];
      return answer.value.flatMap((fact) =>
        fact.verified && satisfies(check.question, fact) ? [signerName(fact.signer)] : [],
      );
    }),
  );
  return [...new Set(names)].sort();
}

function signerName(signer: Signer): string {
  if (signer.kind === 'key') return `sha256:${signer.fingerprint}`;
  return `${quoted(signer.subjects.join(', '), 512)} (${quoted(signer.issuer)})`;
}

// ---- its contract

async function contractOf(
  { evidence, clock }: JudgePorts,
  { snapshot, object, workload, signal }: Matter,
  image: Pinned,
): Promise<Result<ActionContract | undefined>> {
  const read = await evidence.contract(image, workload, signal);
  if (!read.ok) {
    const stage = read.failure.code === 'CONTRACT_INVALID' ? 'invalid contract' : 'failed to extract contract';
    return fail({ ...read.failure, message: `${stage}: ${read.failure.message}` });
  }
  const rules = actionRules(snapshot.actionPolicies, { image, namespace: object.namespace, now: clock.now() });
  return read.value === undefined && rules?.contract.required === true ? fail(contractMissing) : read;
}

const contractMissing = failure(
  'CONTRACT_MISSING',
  'failed to extract contract: the image has none, and a policy demands one; add /action-contract.yaml or the label ai.kubernaut.action-contract to it',
);

interface Bound {
  readonly template: PodTemplate;
  readonly warnings: readonly string[];
}

/** What holds where no ActionPolicy has a say, or none that is enforced. */
const neutral: ActionRules = {
  policies: [],
  mode: 'enforce',
  namespaces: [],
  targets: [],
  contract: { required: false, onConflict: 'Deny' },
  digests: { require: false, resolve: 'All' },
  podSecurity: 'privileged',
  serviceAccounts: { from: 'Contract', allow: [] },
};

function bind(
  { clock }: JudgePorts,
  { snapshot, object: { namespace } }: Matter,
  template: PodTemplate,
  image: Pinned,
  contract: ActionContract | undefined,
): Result<Bound> {
  const rules = actionRules(snapshot.actionPolicies, { image, namespace, now: clock.now() });
  const under = (of: ActionRules): Result<Bound> => bindUnder(of, template, { namespace, image, contract });
  switch (rules?.mode) {
    case undefined:
    case 'audit':
      return under(neutral);
    case 'enforce':
      return under(rules);
    case 'warn': {
      // What the contract itself demands is no matter of a policy's mode.
      const gently = under(rules);
      if (gently.ok) return gently;
      const bare = under(neutral);
      return bare.ok ? ok({ ...bare.value, warnings: [gently.failure.message] }) : bare;
    }
  }
}

interface ToBind {
  readonly namespace: string;
  readonly image: Pinned;
  readonly contract: ActionContract | undefined;
}

function bindUnder(rules: ActionRules, given: PodTemplate, { namespace, image, contract }: ToBind): Result<Bound> {
  const binding = {
    list: 'containers',
    index: 0,
    digest: image.digest,
    rules,
    ...defined('contract', contract),
    effect: 'set',
  } as const;
  const bindOnce = ({ metadata, spec }: PodTemplate): BoundPod<typeof binding> =>
    bindPod({ podSpec: spec, annotations: metadata.annotations, namespace, containersOnly: false }, [binding]);
  const bound = bindOnce(withoutToken(given, contract));
  if (bound.conflicts.length > 0) return fail(allOf(bound.conflicts));
  const template = templateOf(given, bound);
  const again = bindOnce(template);
  const isSettled = again.conflicts.length === 0 && difference(template, templateOf(template, again)).length === 0;
  return isSettled ? ok({ template, warnings: [] }) : fail(unsettled);
}

const unsettled = failure('CONTRACT_CONFLICT', 'contract and policies contradict each other in what they set');

/** Of an image that says nothing of permissions, nobody knows that it needs any. */
function withoutToken(template: PodTemplate, contract: ActionContract | undefined): PodTemplate {
  if (contract !== undefined || template.spec['serviceAccountName'] !== undefined) return template;
  return { ...template, spec: { automountServiceAccountToken: false, ...template.spec } };
}

function templateOf({ metadata }: PodTemplate, { podSpec, annotations }: BoundPod<unknown>): PodTemplate {
  const texts = Object.entries(annotations).flatMap(([name, value]) =>
    typeof value === 'string' ? [[name, value] as const] : [],
  );
  return { metadata: { ...metadata, annotations: Object.fromEntries(texts) }, spec: podSpec };
}

// ---- all reasons in one

const maxReasons = 8;

/** The most definite first; it gives the code. */
function allOf(found: readonly (Failure & Partial<Violation>)[]): Failure {
  const violations = found.map((one): Violation => ({ fields: [], image: '', ...one }));
  const sorted = judged({ violations }).violations;
  const [first] = sorted;
  if (first === undefined) return failure('INTERNAL', 'it was refused without a reason');
  const messages = [...new Set(sorted.map(({ message }) => message))].slice(0, maxReasons);
  return failure(first.code, messages.join('; '), first.retryAfterSeconds);
}
