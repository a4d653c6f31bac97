/**
 * Policy code over an attestation: evaluations a second and memory of CUE, Rego and CEL, cold and warm, beside the native
 * Go code of cosign that policy-controller calls, in turns in the same run. Answers are not remembered here; in use they are.
 */
import { createPolicyLanguages, type ClosablePolicyLanguages } from '../../src/adapters/policy-languages/create.ts';
import { digestOf } from '../../src/kernel/digest.ts';
import type { PolicyLanguage } from '../../src/policy/model.ts';
import { evaluateNatively, findNativeEvaluator } from '../evaluator/native.ts';
import { megabytes, milliseconds, perSecond, type Row, type Section } from './report.ts';
import { median } from './statistics.ts';

const times = 200;
const rounds = 5;
const name = 'no-high';

/** The same demand in each language. */
const policies: Readonly<Record<PolicyLanguage, string>> = {
  cue: 'predicate: scanner: result: Results: [...{Severity: "LOW" | "MEDIUM", ...}]',
  rego: `package sigstore
isCompliant[response] {
  high := [r.ID | r := input.predicate.scanner.result.Results[_]; r.Severity == "HIGH"]
  response := {"result": count(high) == 0, "error": sprintf("high: %v", [high])}
}`,
  cel: 'predicate.scanner.result.Results.filter(r, r.Severity == "HIGH").map(r, r.ID)',
};
const names: Readonly<Record<PolicyLanguage, string>> = { cue: 'CUE', rego: 'Rego', cel: 'CEL' };

/** A scan with so many findings: 20 are 2 KB, 2,000 are 200 KB. */
function scan(findings: number): string {
  const Results = Array.from({ length: findings }, (_, index) => ({
    ID: `CVE-2026-${10_000 + index}`,
    Severity: index % 2 === 0 ? 'LOW' : 'MEDIUM',
    Package: `package-${index}`,
    Version: '1.2.3',
  }));
  const predicate = { scanner: { uri: 'pkg:github/example/scanner@1', result: { Results } } };
  return JSON.stringify({ predicateType: 'https://cosign.sigstore.dev/attestation/vuln/v1', predicate });
}

async function must(languages: ClosablePolicyLanguages, language: PolicyLanguage, input: string): Promise<void> {
  const text = policies[language];
  const code = { language, text, hash: digestOf(text) };
  const answer = await languages.evaluate({ name, code, input }, AbortSignal.timeout(30_000));
  if (!answer.ok) throw new Error(answer.failure.message);
  if (answer.value.result !== 'pass') throw new Error(answer.value.message);
}

async function timed(work: () => Promise<void>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

interface Figures {
  readonly language: PolicyLanguage;
  /** Milliseconds of the first evaluation in a program that has not evaluated anything. */
  readonly cold: number;
  /** And with its threads at work. */
  readonly second: number;
  readonly memoryBytes: number;
  readonly warm: readonly Warm[];
}

interface Warm {
  readonly findings: number;
  readonly perSecond: number;
  readonly native: number | undefined;
}

async function measure(language: PolicyLanguage, program: string | undefined): Promise<Figures> {
  const before = process.memoryUsage.rss();
  const languages = createPolicyLanguages();
  try {
    const cold = await timed(() => must(languages, language, scan(20)));
    const second = await timed(() => must(languages, language, scan(20)));
    const warm: Warm[] = [];
    for (const findings of [20, 2_000]) warm.push(await measureWarm(languages, language, findings, program));
    return { language, cold, second, memoryBytes: process.memoryUsage.rss() - before, warm };
  } finally {
    await languages.close();
  }
}

async function measureWarm(
  languages: ClosablePolicyLanguages,
  language: PolicyLanguage,
  findings: number,
  program: string | undefined,
): Promise<Warm> {
  const input = scan(findings);
  const count = Math.ceil((times * 20) / Math.max(20, findings / 4));
  const own: number[] = [];
  const native: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const took = await timed(async () => {
      for (let n = 0; n < count; n += 1) await must(languages, language, input);
    });
    own.push((count * 1_000) / took);
    if (program === undefined || language === 'cel') continue;
    const asked = { name, language, policy: policies[language], input };
    const [answer] = await evaluateNatively(program, [asked], count);
    if (answer?.result !== 'pass') throw new Error(`cosign says ${answer?.result ?? 'nothing'}`);
    native.push(1_000_000 / answer.microseconds);
  }
  return { findings, perSecond: median(own), native: native.length === 0 ? undefined : median(native) };
}

export async function measurePolicyLanguages(): Promise<Section> {
  const program = await findNativeEvaluator();
  const figures: Figures[] = [];
  for (const language of ['cue', 'rego', 'cel'] as const) figures.push(await measure(language, program));
  return { name: 'policy code', figures: { times, rounds, figures }, rows: figures.flatMap(rowsOf) };
}

function rowsOf({ language, cold, second, memoryBytes, warm }: Figures): readonly Row[] {
  const title = `${names[language]} over an attestation`;
  return [
    { what: `${title}: first, and second`, ours: milliseconds(cold), beside: milliseconds(second) },
    ...warm.map(({ findings, perSecond: ours, native }) => ({
      what: `${title}: ${findings} findings, one after the other (beside: native Go)`,
      ours: perSecond(ours),
      beside: native === undefined ? 'not there' : `${perSecond(native)}, ${(ours / native).toFixed(2)} of it`,
    })),
    { what: `${title}: memory`, ours: megabytes(memoryBytes), beside: '' },
  ];
}
