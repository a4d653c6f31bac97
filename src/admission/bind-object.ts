/**
 * What images that passed may do: contracts and ActionPolicies laid on a Pod, or on the template that Pods are made from.
 * The mutating phase sets what is absent. The validating phase does the same again, and what it would still change is a
 * violation: nothing rests on the mutating webhook having run.
 */
import { bindPod, type Binding } from '../contract/bind-pod.ts';
import type { Digest } from '../kernel/digest.ts';
import { failure, type Failure } from '../kernel/failure.ts';
import type { ImageReference } from '../kernel/image-reference.ts';
import { difference } from '../kernel/json-patch.ts';
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
}

interface Found {
  readonly mode: ActionMode;
  readonly violation: Violation;
}

/** A binding that still knows how the image was written. */
interface Placed extends Binding {
  readonly subject: PlacedSubject;
}

export async function bindObject(
  ports: JudgePorts,
  matter: Matter,
  place: PodPlace,
  passed: readonly PassedImage[],
): Promise<BoundObject> {
  const read = await concurrently(passed, maxImagesAtOnce, (one) => readAction(ports, matter, place, one));
  const bindings = read.flatMap((action) => action.bindings);
  const { namespace } = matter.object;
  const bound = bindPart(
    matter.content,
    place,
    namespace,
    bindings.filter(({ rules }) => rules.mode !== 'audit'),
  );
  const watched = bindPart(
    bound.object,
    place,
    namespace,
    bindings.filter(({ rules }) => rules.mode === 'audit'),
  );
  const found = [...read.flatMap((action) => action.found), ...bound.found, ...watched.found];
  const of = (mode: ActionMode): readonly Violation[] =>
    found.filter((one) => one.mode === mode).map(({ violation }) => violation);
  return { object: bound.object, violations: of('enforce'), warnings: of('warn'), audited: of('audit') };
}

interface Action {
  readonly bindings: readonly Placed[];
  readonly found: readonly Found[];
}

const noAction: Action = { bindings: [], found: [] };

async function readAction(
  { evidence, clock }: JudgePorts,
  { snapshot, object, workload, signal }: Matter,
  place: PodPlace,
  { subject, image }: PassedImage,
): Promise<Action> {
  const rules = actionRules(snapshot.actionPolicies, { image, namespace: object.namespace, now: clock.now() });
  if (rules === undefined) return noAction;
  const refused = (failed: Failure): Action => ({
    bindings: [],
    found: [{ mode: rules.mode, violation: violationOf(failed, whereOf(subject, rules)) }],
  });
  const contract = await evidence.contract(image, workload, signal);
  if (!contract.ok) return refused(contract.failure);
  if (contract.value === undefined && rules.contract.required) return refused(contractMissing);
  const common = {
    subject,
    digest: image.digest,
    rules,
    ...(contract.value === undefined ? {} : { contract: contract.value }),
  };
  const bindings = subject.places.flatMap(({ path }) => {
    const at = containerAt(path, place.podSpec);
    return at === undefined ? [] : [{ ...common, ...at }];
  });
  return { bindings, found: [] };
}

const contractMissing = failure(
  'CONTRACT_MISSING',
  'the image has no contract, and the policy demands one; add /action-contract.yaml or the label ai.kubernaut.action-contract to it',
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

interface Part {
  readonly object: Members;
  readonly found: readonly Found[];
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
    found: bound.conflicts.map(({ binding: { subject, rules }, field, code, message }) => {
      const fields = [fieldOf([...place.podSpec, ...(field === '' ? [] : [field])])];
      return { mode: rules.mode, violation: violationOf({ code, message }, { ...whereOf(subject, rules), fields }) };
    }),
  };
}

const maxNamed = 8;

/** What binding would still change, as violations; none after a mutating phase that nobody undid. */
export function unbound(object: Members, bound: Members): readonly Violation[] {
  return difference(object, bound)
    .slice(0, maxNamed)
    .map((operation) => {
      const wanted = operation.op === 'remove' ? 'taken out' : (JSON.stringify(operation.value)?.slice(0, 200) ?? '');
      const message = `it is not as contract and policy demand, because the mutating webhook did not run or was undone; it has to be ${wanted}`;
      const field = operation.path.slice(1).replaceAll('/', '.');
      return violationOf(failure('CONTRACT_CONFLICT', message), { fields: [field], image: '' });
    });
}

function valueAt(object: unknown, path: Path): unknown {
  return path.reduce<unknown>((inner, step) => asRecord(inner)?.[String(step)], object);
}

function withValue(object: Members, [name, ...rest]: Path, value: unknown): Members {
  if (name === undefined) return object;
  const inner = rest.length === 0 ? value : withValue(asRecord(object[String(name)]) ?? {}, rest, value);
  return { ...object, [String(name)]: inner };
}
