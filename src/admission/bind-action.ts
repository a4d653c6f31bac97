/** The contract of an action laid on its Pod before there is one, as the gate will lay it, and also where no policy asks for it. */
import { bindPod, type BoundPod } from '../contract/bind-pod.ts';
import type { ActionContract } from '../contract/model.ts';
import { defined } from '../kernel/defined.ts';
import type { Digest } from '../kernel/digest.ts';
import { failure, type Failure } from '../kernel/failure.ts';
import { difference } from '../kernel/json-patch.ts';
import { fail, ok, type Result } from '../kernel/result.ts';
import type { ActionRules } from '../policy/action-policy.ts';
import type { Violation } from '../policy/verdict.ts';
import type { PodTemplate } from '../ports/actions.ts';
import { judged } from './outcome.ts';

export interface BoundTemplate {
  readonly template: PodTemplate;
  readonly warnings: readonly string[];
}

export interface ActionToBind {
  readonly namespace: string;
  readonly digest: Digest;
  /** Absent: no ActionPolicy has a say. */
  readonly rules: ActionRules | undefined;
  /** Absent: the image has none. */
  readonly contract: ActionContract | undefined;
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

export function bindAction(template: PodTemplate, action: ActionToBind): Result<BoundTemplate> {
  const under = (rules: ActionRules): Result<BoundTemplate> => bindUnder(rules, template, action);
  const { rules } = action;
  switch (rules?.mode) {
    case undefined:
    case 'audit':
      return under(neutral);
    case 'enforce':
      return under(rules);
    case 'warn': {
      const gently = under(rules);
      if (gently.ok) return gently;
      // What the contract itself demands is no matter of a policy's mode.
      const bare = under(neutral);
      return bare.ok ? ok({ ...bare.value, warnings: [gently.failure.message] }) : bare;
    }
  }
}

function bindUnder(
  rules: ActionRules,
  given: PodTemplate,
  { namespace, digest, contract }: ActionToBind,
): Result<BoundTemplate> {
  const binding = {
    list: 'containers',
    index: 0,
    digest,
    rules,
    ...defined('contract', contract),
    effect: 'set',
  } as const;
  const bindOnce = ({ metadata, spec }: PodTemplate): BoundPod<typeof binding> =>
    bindPod({ podSpec: spec, annotations: metadata.annotations, namespace, containersOnly: false }, [binding]);
  const bound = bindOnce(withoutToken(given, contract));
  if (bound.conflicts.length > 0) return fail(allReasons(bound.conflicts));
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

const maxReasons = 8;

/** All reasons in one: the most definite first, and its code. */
export function allReasons(found: readonly (Failure & Partial<Violation>)[]): Failure {
  const violations = found.map((one): Violation => ({ fields: [], image: '', ...one }));
  const sorted = judged({ violations }).violations;
  const [first] = sorted;
  if (first === undefined) return failure('INTERNAL', 'it was refused without a reason');
  const messages = [...new Set(sorted.map(({ message }) => message))].slice(0, maxReasons);
  return failure(first.code, messages.join('; '), first.retryAfterSeconds);
}
