/**
 * What an action image is, before anybody runs it: the decision that admission will make of its Pod, made in advance and
 * with the same code, and stricter. Nothing counts as verified that no policy has verified, and the contract of the image
 * is laid on its Pod whether or not an ActionPolicy asks for it.
 */
import type { ActionContract } from '../contract/model.ts';
import { defined } from '../kernel/defined.ts';
import { parseDigest, type Digest } from '../kernel/digest.ts';
import { failure, quoted, type Failure } from '../kernel/failure.ts';
import { formatImageReference, type ImageReference } from '../kernel/image-reference.ts';
import { fail, ok, type Result } from '../kernel/result.ts';
import { asRecord } from '../kernel/strict-json.ts';
import type { ActionRules } from '../policy/action-policy.ts';
import { actionRules } from '../policy/action-rules.ts';
import type { Signer } from '../policy/facts.ts';
import { judge } from '../policy/judge.ts';
import { planUnpinned } from '../policy/plan-unpinned.ts';
import { plan, type Plan } from '../policy/plan.ts';
import { satisfies } from '../policy/satisfies.ts';
import type { Evidence } from '../policy/verdict.ts';
import type { Actions, ActionToProve, PodTemplate, ProvenAction } from '../ports/actions.ts';
import type { Policies } from '../ports/policies.ts';
import type { AccountPullSecrets } from '../ports/pull-credentials.ts';
import { names } from '../workflow/model.ts';
import { allReasons, bindAction } from './bind-action.ts';
import { judgeImages } from './judge-images.ts';
import { judgePlan } from './judge-plan.ts';
import type { JudgePorts, Matter } from './matter.ts';
import { createPlanner } from './planner.ts';
import { resolvedSubject, type PlacedSubject } from './subjects.ts';
import { digestDemanded, fateOfTag } from './tags.ts';

type Members = Readonly<Record<string, unknown>>;
type Pinned = ImageReference & { readonly digest: Digest };

export interface ProvingPorts extends Omit<JudgePorts, 'planner'> {
  readonly policies: Policies;
  readonly pullSecrets: AccountPullSecrets;
}

export function createActions(ports: ProvingPorts): Actions {
  const judging: JudgePorts = { evidence: ports.evidence, clock: ports.clock, planner: createPlanner() };
  return {
    prove: async (action, signal) => {
      const snapshot = ports.policies.current();
      if (snapshot === undefined) return fail(noPolicies);
      const index = soleContainer(action);
      if (index === undefined) return fail(notOneContainer);
      const proveOnce = (what: ActionToProve): Promise<Result<ProvenAction>> =>
        prove(judging, what, matterOf(what, what.template, what.image, snapshot, signal));
      const first = await proveOnce(action);
      if (first.ok || first.failure.code !== 'REGISTRY_DENIED') return first;
      const secrets = await ports.pullSecrets.ofAccounts(action.namespace, accountsOf(action), signal);
      const isAnyMore = secrets.ok && secrets.value.length > 0;
      return isAnyMore ? proveOnce(withPullSecrets(action, secrets.value)) : first;
    },
  };
}

/**
 * Which account it has is said in the image that needs its pull secrets: what the type of the action lets expect, and the
 * one that every Pod may have.
 */
function accountsOf({ template: { metadata, spec } }: ActionToProve): readonly string[] {
  const { serviceAccountName: own } = spec;
  const type = (metadata.annotations[names.actionTypeAnnotation] ?? '').replaceAll('_', '-');
  const ofType = type === '' ? [] : [type.slice(type.indexOf('/') + 1), type.replaceAll('/', '-')];
  return [...(typeof own === 'string' ? [own] : []), ...ofType.map((name) => `${name}-sa`), 'default'];
}

/** Its Pod names them from then on, so that gate and kubelet have them too, whatever its account brings along. */
function withPullSecrets(action: ActionToProve, secrets: readonly string[]): ActionToProve {
  const { metadata, spec } = action.template;
  const all = [...new Set([...pullSecretsOf(spec), ...secrets])];
  return { ...action, template: { metadata, spec: { ...spec, imagePullSecrets: all.map((name) => ({ name })) } } };
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
  const bound = bindAction(withImage(action.template, image), {
    namespace: action.namespace,
    digest: pinned.value.digest,
    rules: rulesFor(ports, matter, pinned.value),
    contract: contract.value,
  });
  if (!bound.ok) return bound;
  // The last word is the gate's own, about the Pod as it will come to it.
  const gate = await judgeImages(ports, matterOf(action, bound.value.template, image, matter.snapshot, matter.signal));
  if (gate.violations.length > 0) return fail(allReasons(gate.violations));
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

function rulesFor({ clock }: JudgePorts, { snapshot, object }: Matter, image: Pinned): ActionRules | undefined {
  return actionRules(snapshot.actionPolicies, { image, namespace: object.namespace, now: clock.now() });
}

async function pin(
  ports: JudgePorts,
  matter: Matter,
  subject: PlacedSubject,
  image: ImageReference,
): Promise<Result<Pinned>> {
  const { snapshot, object, workload, signal } = matter;
  const written = parseDigest(image.digest);
  if (written !== undefined) return ok({ ...image, digest: written });
  const digest = await ports.evidence.resolveTag(image, workload, signal);
  if (!digest.ok) {
    // What is refused under any digest is refused without one.
    const planned = planUnpinned(snapshot, image, object, digest.failure);
    const { violations, warnings } = judge(planned, subject, 'deny', noEvidence);
    return fail(allReasons([...violations, ...warnings]));
  }
  const pinned = { ...image, digest: digest.value };
  return fateOfTag(rulesFor(ports, matter, pinned), object) === 'refuse' ? fail(digestDemanded) : ok(pinned);
}

const noEvidence: Evidence = new Map();

/** Who has signed it, by all policies that have a say; a policy that only warns is not satisfied with less. */
async function signersOf(
  ports: JudgePorts,
  matter: Matter,
  subject: PlacedSubject,
  image: Pinned,
): Promise<Result<readonly string[]>> {
  const planned = plan(matter.snapshot, image, matter.object);
  const { verdict, evidence } = await judgePlan(ports, matter, planned, image, subject, 'deny');
  const missing = [...verdict.violations, ...verdict.warnings];
  return missing.length > 0 ? fail(allReasons(missing)) : ok(namesOf(planned, evidence));
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
  ports: JudgePorts,
  matter: Matter,
  image: Pinned,
): Promise<Result<ActionContract | undefined>> {
  const read = await ports.evidence.contract(image, matter.workload, matter.signal);
  if (!read.ok) {
    const stage = read.failure.code === 'CONTRACT_INVALID' ? 'invalid contract' : 'failed to extract contract';
    return fail({ ...read.failure, message: `${stage}: ${read.failure.message}` });
  }
  return read.value === undefined && rulesFor(ports, matter, image)?.contract.required === true
    ? fail(contractMissing)
    : read;
}

const contractMissing = failure(
  'CONTRACT_MISSING',
  'failed to extract contract: the image has none, and a policy demands one; add /action-contract.yaml or the label ai.kubernaut.action-contract to it',
);
