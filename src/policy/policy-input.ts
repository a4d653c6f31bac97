/**
 * What the code of `spec.policy` is told: which authorities have passed and by whose signatures, and on request the image's
 * configuration and the object itself. Names are those of sigstore policy-controller (pkg/webhook/validator_result.go), so
 * that its policies mean the same here; empty members are left out, as there.
 */
import { stableJson } from '../kernel/stable-json.ts';
import { defined } from '../kernel/defined.ts';
import type { VerifiedSignature } from './facts.ts';
import { passes } from './judge.ts';
import type { ObjectPolicy } from './model.ts';
import type { PlannedCheck, PlannedPolicy } from './plan.ts';
import type { Question } from './question.ts';
import { metBy, satisfies } from './satisfies.ts';
import type { Evidence } from './verdict.ts';

export interface InputPlace {
  /** The object that was sent, not the Pod inside it. */
  readonly content: Readonly<Record<string, unknown>>;
  /** By `os/architecture[/variant]`; asked for only by `fetchConfigFile`. */
  readonly configs?: Readonly<Record<string, unknown>>;
}

/** JSON text. */
export function policyInput(
  { checks }: Pick<PlannedPolicy, 'checks'>,
  rule: ObjectPolicy,
  evidence: Evidence,
  { content, configs }: InputPlace,
): string {
  const matches = checks.flatMap((check): [string, unknown][] =>
    passes(check, evidence) ? [[check.authority.name, matchOf(check, evidence)]] : [],
  );
  return stableJson({
    authorityMatches: Object.fromEntries(matches),
    ...(rule.fetchConfigFile && defined('config', configs)),
    ...(rule.includeSpec && defined('spec', content['spec'])),
    ...(rule.includeObjectMeta && defined('metadata', content['metadata'])),
    ...(rule.includeTypeMeta && { typemeta: typeMeta(content) }),
  });
}

function typeMeta({ kind, apiVersion }: InputPlace['content']): unknown {
  return { ...defined('kind', kind), ...defined('apiVersion', apiVersion) };
}

function matchOf(check: PlannedCheck, evidence: Evidence): unknown {
  if (check.kind !== 'question') return { static: true };
  const answer = evidence.get(check.question.id);
  const facts = answer?.ok === true ? answer.value : [];
  const { question } = check;
  switch (question.kind) {
    case 'signatures':
      return { signatures: facts.filter((fact) => satisfies(question, fact)).map(signatureOf) };
    case 'attestations':
      return { attestations: attestationsOf(question, facts) };
  }
}

function attestationsOf(
  question: Extract<Question, { readonly kind: 'attestations' }>,
  facts: Parameters<typeof metBy>[1],
): unknown {
  const byName = new Map<string, unknown[]>();
  for (const [index, { name, predicateType }] of question.wanted.entries()) {
    const met = metBy(question, facts, index).map((fact) => ({
      ...signatureOf(fact),
      predicateType,
      ...defined('digest', fact.layer),
    }));
    byName.set(name, [...(byName.get(name) ?? []), ...met]);
  }
  return Object.fromEntries(byName);
}

function signatureOf({ id, signer }: VerifiedSignature): Readonly<Record<string, unknown>> {
  if (signer.kind === 'key') return defined('id', id);
  const { extensions } = signer;
  return {
    ...defined('id', id),
    ...defined('subject', signer.subjects[0]),
    issuer: signer.issuer,
    ...Object.fromEntries(
      githubExtensions.flatMap(([member, extension]) => {
        const value = Object.hasOwn(extensions, extension) ? extensions[extension] : undefined;
        return value === undefined || value === '' ? [] : [[member, value]];
      }),
    ),
  };
}

const githubExtensions = [
  ['githubWorkflowTrigger', 'githubWorkflowTrigger'],
  ['githubWorkflowSha', 'githubWorkflowSha'],
  ['githubWorkflowName', 'githubWorkflowName'],
  ['githubWorkflowRepo', 'githubWorkflowRepository'],
  ['githubWorkflowRef', 'githubWorkflowRef'],
] as const;
