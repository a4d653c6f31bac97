/** A registry with an image and what was attested of it, and a source of evidence that looks there. */
import { createInProcessVerifier } from '../../src/adapters/verification/in-process-verifier.ts';
import { createEvidenceSource, defaultEvidenceSettings, type EvidencePorts } from '../../src/evidence/gather.ts';
import { digestOf, hexOf } from '../../src/kernel/digest.ts';
import { ok, type Result } from '../../src/kernel/result.ts';
import type { LegacyAttestation, SignatureFact, VerifiedSignature } from '../../src/policy/facts.ts';
import type { AttestationDemand, PolicyCode } from '../../src/policy/model.ts';
import type { AttestationsQuestion, TrustQuestion } from '../../src/policy/question.ts';
import type { EvaluationRequest, PolicyLanguages } from '../../src/ports/policy-languages.ts';
import { FakeRegistry } from '../fakes/registry.ts';
import { attestationOf } from '../verification/kit/attestations.ts';
import { ecKey, type KeyPair } from '../verification/kit/certificates.ts';
import { byKey, image, muchLater } from '../verification/kit/sigstore.ts';
import { bundleOf, statementOf } from '../verification/kit/signatures.ts';

export const vuln = 'https://cosign.sigstore.dev/attestation/vuln/v1';
export const custom = 'https://cosign.sigstore.dev/attestation/v1';
export const key = ecKey();
export const stranger = ecKey();
export const never = new AbortController().signal;
export const workload = { namespace: 'default', serviceAccount: 'default', pullSecrets: [] };

export function attested(predicateType: string, predicate: unknown = {}, by: KeyPair = key): LegacyAttestation {
  return attestationOf({ key: by, statement: statementOf(image, { predicateType, predicate }) });
}

export function bundled(predicateType: string, predicate: unknown = {}, by: KeyPair = key): Uint8Array {
  return bundleOf({ key: by, statement: statementOf(image, { predicateType, predicate }) }).bundle;
}

const manifestType = 'application/vnd.oci.image.manifest.v1+json';
const empty = { mediaType: 'application/vnd.oci.empty.v1+json', digest: digestOf('{}'), size: 2 };

export class Attestations extends FakeRegistry {
  readonly envelopeType: string = 'application/vnd.dsse.envelope.v1+json';

  addLegacy(attestations: readonly LegacyAttestation[], prefix = ''): void {
    const layers = attestations.map((one) => this.layerOf(one));
    this.putManifest(
      { schemaVersion: 2, mediaType: manifestType, config: empty, layers },
      `${prefix}sha256-${hexOf(image)}.att`,
    );
  }

  layerOf({ envelope, annotations }: LegacyAttestation): object {
    return { mediaType: this.envelopeType, digest: this.putBlob(envelope), size: envelope.length, annotations };
  }

  addBundles(bundles: readonly (readonly [content: Uint8Array, hint?: string])[]): void {
    for (const [content, hint] of bundles) {
      const mediaType = 'application/vnd.dev.sigstore.bundle.v0.3+json';
      this.refer([{ mediaType, digest: this.putBlob(content), size: content.length }], {
        artifactType: mediaType,
        annotations: hint === undefined ? {} : { 'dev.sigstore.bundle.predicateType': hint },
      });
    }
  }

  refer(
    layers: readonly object[],
    listed: { readonly artifactType: string; readonly annotations: Record<string, string> },
  ): void {
    const subject = { mediaType: manifestType, digest: image, size: 1 };
    const content = { schemaVersion: 2, mediaType: manifestType, config: empty, layers, subject };
    const before = this.referring.get(image) ?? [];
    this.referring.set(image, [
      ...before,
      { mediaType: manifestType, digest: this.putManifest(content), size: 1, ...listed },
    ]);
  }

  count(call: 'blob' | 'manifest' | 'referrers'): number {
    return this.calls.filter((made) => made.startsWith(call)).length;
  }
}

/** Passes when the input has the text; counts what it is asked. */
export class TextLanguages implements PolicyLanguages {
  readonly asked: EvaluationRequest[] = [];
  answer: (request: EvaluationRequest) => ReturnType<PolicyLanguages['evaluate']> = async ({ name, code, input }) =>
    ok(
      input.includes(code.text)
        ? { result: 'pass', message: '' }
        : { result: 'fail', message: `failed evaluating cue policy for ${name}: no ${code.text}` },
    );

  evaluate(request: EvaluationRequest): ReturnType<PolicyLanguages['evaluate']> {
    this.asked.push(request);
    return this.answer(request);
  }
}

export function code(text: string, language: PolicyCode['language'] = 'cue'): PolicyCode {
  return { language, text, hash: digestOf(text) };
}

export function demand(predicateType: string, text?: string, name = 'demand'): AttestationDemand {
  return { name, predicateType, ...(text === undefined ? {} : { policy: code(text) }) };
}

let questions = 0;
export function questionOf(
  wanted: readonly AttestationDemand[],
  change: Partial<AttestationsQuestion> & { readonly trust?: TrustQuestion } = {},
): AttestationsQuestion {
  return {
    kind: 'attestations',
    id: `question ${(questions += 1)}`,
    image: { registry: 'registry.example', repository: 'app', digest: image },
    trust: byKey(key),
    wanted,
    ...change,
  };
}

export function sourceOf(registry: FakeRegistry, languages: PolicyLanguages, more: Partial<EvidencePorts> = {}) {
  return createEvidenceSource(
    {
      registry,
      verifier: createInProcessVerifier(),
      languages,
      clock: { now: () => muchLater },
      pullCredentials: { ofWorkload: (of) => ({ id: of.namespace, forHost: async () => ok(undefined) }) },
      metrics: { cache: () => undefined },
      ...more,
    },
    defaultEvidenceSettings,
  );
}

export async function answerTo(
  question: AttestationsQuestion,
  source: ReturnType<typeof sourceOf>,
): Promise<Result<readonly SignatureFact[]>> {
  const answer = (await source.answer([question], workload, never)).get(question.id);
  if (answer === undefined) throw new Error('no answer');
  return answer;
}

/** Of each fact: its code, or the demands that it meets and the codes of those that it does not. */
export function outcomes(answer: Result<readonly SignatureFact[]>): readonly string[] {
  if (!answer.ok) return [`unavailable ${answer.failure.code}`];
  return answer.value.map((fact) => (fact.verified ? checksOf(fact) : fact.code));
}

function checksOf({ checks = [] }: VerifiedSignature): string {
  return checks.map(({ demand: index, refusal }) => `${index}:${refusal?.code ?? 'met'}`).join(' ') || 'no check';
}
