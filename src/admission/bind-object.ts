/**
 * What images that passed may do: contracts and ActionPolicies laid on a Pod, or on the template that Pods are made from.
 * The mutating phase sets what is absent. The validating phase does the same again, and what it would still change is a
 * violation: nothing rests on the mutating webhook having run.
 */
import { bindPod, type Binding } from '../contract/bind-pod.ts';
import type { ActionContract } from '../contract/model.ts';
import { defined } from '../kernel/defined.ts';
import type { Digest } from '../kernel/digest.ts';
import { failure, quoted, type Failure } from '../kernel/failure.ts';
import type { ImageReference } from '../kernel/image-reference.ts';
import { difference } from '../kernel/json-patch.ts';
import { ok } from '../kernel/result.ts';
import { asRecord } from '../kernel/strict-json.ts';
import type { ActionMode, ActionRules } from '../policy/action-policy.ts';
import { actionRules } from '../policy/action-rules.ts';
import { violationOf, type Violation } from '../policy/verdict.ts';
import { concurrently } from './concurrently.ts';
import type { Members } from './decode.ts';
import { fieldOf, type Path } from './find-images.ts';
import { maxImagesAtOnce, type JudgePorts, type Matter } from './matter.ts';
import type { PlacedSubject } from './subjects.ts';

/** An image that passed, by the digest that was judged. */
export interface PassedImage {
  readonly subject: PlacedSubject;
  readonly image: ImageReference & { readonly digest: Digest };
  /** It stays a tag, and may name another image by the time that it runs: nothing is set by it. */
  readonly left?: true;
  /** It runs with a warning only: nobody vouches for it, nor for the contract in it. */
  readonly unproven?: true;
}

/** Where in the object the Pod is, and what of it can be set. */
export interface PodPlace {
  readonly podSpec: Path;
  readonly metadata: Path;
  /** Containers are added to a Pod that runs, or changed in it: nothing else of it can be set any more. */
  readonly containersOnly: boolean;
}

export interface BoundObject {
  /** As it has to be. */
  readonly object: Members;
  readonly violations: readonly Violation[];
  readonly warnings: readonly Violation[];
  /** What would have been refused, of policies that only watch. */
  readonly audited: readonly Violation[];
  /** `name@version` of the contract that was held against an image, by its text. */
  readonly contracts: ReadonlyMap<string, string>;
}

interface Found {
  readonly mode: ActionMode;
  readonly violation: Violation;
}

/** A binding that still knows how the image was written. */
interface Placed extends Binding {
  readonly subject: PlacedSubject;
}

/** `set` makes the object as it has to be. `prove` does the same to an object that is final. */
export type Purpose = 'set' | 'prove';

export async function bindObject(
  ports: JudgePorts,
  matter: Matter,
  place: PodPlace,
  passed: readonly PassedImage[],
  purpose: Purpose = 'set',
): Promise<BoundObject> {
  // An image volume runs nothing, and needs no contract.
  const running = passed.filter(({ subject }) => subject.places.some(({ path }) => containerAt(path, place.podSpec)));
  const actions = await concurrently(running, maxImagesAtOnce, (one) => readAction(ports, matter, one));
  const isEnforced = actions.some(({ action }) => action?.rules.mode === 'enforce');
  const bindings = actions.flatMap((read) =>
    bindingsOf(read, place, ({ list }, { mode }) => {
      // The rest of a Pod that runs stays as it is, or is refused as it is.
      const isFixed = place.containersOnly && list !== 'ephemeralContainers';
      return isFixed && purpose === 'set' ? 'check' : effectOf(mode, purpose, isEnforced);
    }),
  );
  const bound = bindGently(matter.content, place, matter.object.namespace, bindings);
  const found = distinct([...actions.flatMap((action) => action.found), ...bound.found]);
  const of = (mode: ActionMode): readonly Violation[] =>
    found.filter((one) => one.mode === mode).map(({ violation }) => violation);
  return {
    object: bound.object,
    violations: of('enforce'),
    warnings: of('warn'),
    audited: of('audit'),
    contracts: contractsOf(actions),
  };
}

/** Nothing is refused on behalf of a policy that only warns, not even that what it sets is not there. */
function effectOf(mode: ActionMode, purpose: Purpose, isEnforced: boolean): Binding['effect'] {
  switch (mode) {
    case 'enforce':
      return 'set';
    case 'warn':
      if (purpose === 'set') return 'set';
      return isEnforced ? 'tell' : 'check';
    case 'audit':
      return 'check';
  }
}

/** An image, and what it may do; no action: no policy has a say, or it cannot be said what the image may do. */
interface ReadAction {
  readonly passed: PassedImage;
  readonly action?: { readonly rules: ActionRules; readonly contract?: ActionContract };
  readonly found: readonly Found[];
}

async function readAction({ evidence, clock }: JudgePorts, matter: Matter, passed: PassedImage): Promise<ReadAction> {
  const { snapshot, object, workload, signal } = matter;
  const { image, subject } = passed;
  const rules = actionRules(snapshot.actionPolicies, { image, namespace: object.namespace, now: clock.now() });
  if (rules === undefined) return { passed, found: [] };
  const refused = (failed: Failure): ReadAction => {
    return { passed, found: [{ mode: rules.mode, violation: violationOf(failed, whereOf(subject, rules)) }] };
  };
  const isProven = passed.unproven !== true;
  const contract = isProven ? await evidence.contract(image, workload, signal) : ok(undefined);
  if (!contract.ok) return refused(contract.failure);
  if (rules.contract.required && contract.value === undefined) {
    return refused(isProven ? contractMissing : contractUnproven);
  }
  return { passed, action: { rules, ...defined('contract', contract.value) }, found: [] };
}

function bindingsOf(
  { passed: { subject, image, left }, action }: ReadAction,
  place: PodPlace,
  effect: (at: Pick<Binding, 'list'>, rules: ActionRules) => Binding['effect'],
): readonly Placed[] {
  if (action === undefined) return [];
  return subject.places.flatMap(({ path }) => {
    const at = containerAt(path, place.podSpec);
    if (at === undefined) return [];
    return [{ subject, digest: image.digest, ...action, ...at, effect: left ? 'check' : effect(at, action.rules) }];
  });
}

function contractsOf(actions: readonly ReadAction[]): BoundObject['contracts'] {
  const named = actions.flatMap(({ passed, action }) =>
    action?.contract === undefined
      ? []
      : [[passed.subject.text, `${action.contract.name}@${action.contract.version.text}`] as const],
  );
  return new Map(named);
}

/** One image in several containers says the same thing about the Pod as a whole once. */
function distinct(found: readonly Found[]): readonly Found[] {
  return [...new Map(found.map((one) => [JSON.stringify(one.violation), one])).values()];
}

const contractMissing = failure(
  'CONTRACT_MISSING',
  'the image has no contract, and the policy demands one; add /action-contract.yaml or the label ai.kubernaut.action-contract to it',
);

const contractUnproven = failure(
  'CONTRACT_MISSING',
  'the policy demands a contract, and one counts only in an image whose signatures pass: this one runs with a warning only',
);

function whereOf({ fields, text }: PlacedSubject, { policies }: ActionRules): Parameters<typeof violationOf>[1] {
  return { fields, image: text, policy: policies.join(', ') };
}

const lists = ['containers', 'initContainers', 'ephemeralContainers'] as const;

/** Which container an image field belongs to; none for image volumes, which run nothing. */
function containerAt(path: Path, podSpec: Path): Pick<Binding, 'list' | 'index'> | undefined {
  const [name, index, field, ...rest] = path.slice(podSpec.length);
  const list = lists.find((known) => known === name);
  if (list === undefined || typeof index !== 'number' || field !== 'image' || rest.length > 0) return undefined;
  return { list, index };
}

/** Where a policy only warns of a conflict, nothing is set: half of it may be what the API server refuses. */
function bindGently(object: Members, place: PodPlace, namespace: string, bindings: readonly Placed[]): Part {
  const part = bindPart(object, place, namespace, bindings);
  const warned = new Set(part.found.flatMap(({ mode, binding }) => (mode === 'warn' ? [binding] : [])));
  if (warned.size === 0) return part;
  const gentle = bindings.map((one): Placed =>
    warned.has(one) && one.effect === 'set' ? { ...one, effect: 'tell' } : one,
  );
  return bindPart(object, place, namespace, gentle);
}

interface Part {
  readonly object: Members;
  readonly found: readonly (Found & { readonly binding: Placed })[];
}

function bindPart(object: Members, place: PodPlace, namespace: string, bindings: readonly Placed[]): Part {
  if (bindings.length === 0) return { object, found: [] };
  const annotationsAt = [...place.metadata, 'annotations'];
  const podSpec = asRecord(valueAt(object, place.podSpec)) ?? {};
  const annotations = asRecord(valueAt(object, annotationsAt)) ?? {};
  const bound = bindPod({ podSpec, annotations, namespace, containersOnly: place.containersOnly }, bindings);
  const specified = withValue(object, place.podSpec, bound.podSpec);
  const isTold = Object.keys(bound.annotations).length > 0;
  return {
    object: isTold ? withValue(specified, annotationsAt, bound.annotations) : specified,
    found: bound.conflicts.map(({ binding, field, code, message }) => {
      const { subject, rules } = binding;
      const fields = [fieldOf([...place.podSpec, ...(field === '' ? [] : [field])])];
      const violation = violationOf({ code, message }, { ...whereOf(subject, rules), fields });
      return { mode: rules.mode, violation, binding };
    }),
  };
}

const maxNamed = 8;

/** What binding would still change, as violations; none after a mutating phase that nobody undid. */
export function unbound(object: Members, bound: Members, { containersOnly }: PodPlace): readonly Violation[] {
  const why = containersOnly
    ? 'a Pod that runs cannot be given it any more; make a new Pod'
    : 'the mutating webhook did not run, or its work was undone';
  return difference(object, bound)
    .slice(0, maxNamed)
    .map((operation) => {
      const wanted = operation.op === 'remove' ? 'it has to be taken out' : `it has to be ${shown(operation.value)}`;
      const message = `it is not as contract and policy demand: ${wanted}; ${why}`;
      return violationOf(failure('CONTRACT_CONFLICT', message), { fields: [fieldAt(operation.path)], image: '' });
    });
}

function shown(value: unknown): string {
  return quoted(JSON.stringify(value) ?? '', 200);
}

function fieldAt(pointer: string): string {
  const steps = pointer.split('/').slice(1);
  return fieldOf(steps.map((step) => (/^\d+$/.test(step) ? Number(step) : step.replaceAll('~1', '/'))));
}

function valueAt(object: unknown, path: Path): unknown {
  return path.reduce<unknown>((inner, step) => asRecord(inner)?.[String(step)], object);
}

function withValue(object: Members, [name, ...rest]: Path, value: unknown): Members {
  if (name === undefined) return object;
  const inner = rest.length === 0 ? value : withValue(asRecord(object[String(name)]) ?? {}, rest, value);
  return { ...object, [String(name)]: inner };
}
