/**
 * What evaluates policies is loaded with the first that needs it, which takes a second or more: this asks for it when such a
 * policy comes into force, so that no request has to wait for it. Nothing depends on it.
 */
import { digestOf } from '../../kernel/digest.ts';
import type { ClusterImagePolicy, PolicyCode, PolicyLanguage } from '../../policy/model.ts';
import type { Policies } from '../../ports/policies.ts';
import type { PolicyLanguages } from '../../ports/policy-languages.ts';

const simplest: Readonly<Record<PolicyLanguage, string>> = {
  cue: '{}',
  rego: 'package sigstore\n\nisCompliant = true',
  cel: 'true',
};
const lookMs = 500;
const deadlineMs = 30_000;

export function keepWarm(languages: PolicyLanguages, policies: Pick<Policies, 'current'>): { close(): void } {
  const warm = new Set<PolicyLanguage>();
  let looked: string | undefined;

  const timer = setInterval(() => {
    const snapshot = policies.current();
    if (snapshot === undefined || snapshot.generation === looked) return;
    looked = snapshot.generation;
    for (const { language } of snapshot.policies.flatMap(codeOf)) {
      if (warm.has(language)) continue;
      warm.add(language);
      const code = { language, text: simplest[language], hash: digestOf(simplest[language]) };
      void languages.evaluate({ name: 'nothing', code, input: '{}' }, AbortSignal.timeout(deadlineMs));
    }
  }, lookMs).unref();
  return { close: () => clearInterval(timer) };
}

function codeOf({ policy, authorities }: ClusterImagePolicy): readonly PolicyCode[] {
  const ofAttestations = authorities.flatMap((authority) =>
    authority.kind === 'static' ? [] : authority.attestations.flatMap((demand) => demand.policy ?? []),
  );
  return policy === undefined ? ofAttestations : [policy.code, ...ofAttestations];
}
