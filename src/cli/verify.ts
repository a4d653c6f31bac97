/** `countersign verify IMAGE`: who signed it, in which format, logged where; against policies, a key or an identity. */
import type { Command } from 'commander';
import { materialSources } from '../adapters/materials/follow-materials.ts';
import { readPolicies } from '../adapters/policies/directory.ts';
import { parseRegistrySettings, type RegistryFlags } from '../config.ts';
import { collectFacts } from '../evidence/collect-facts.ts';
import { evaluatePolicies } from '../evidence/evaluate-policies.ts';
import { createEvidenceSource } from '../evidence/gather.ts';
import type { Digest } from '../kernel/digest.ts';
import { defined } from '../kernel/defined.ts';
import { kindOf } from '../kernel/failure.ts';
import { formatImageReference, parseImageReference, type ImageReference } from '../kernel/image-reference.ts';
import { ok, type Result } from '../kernel/result.ts';
import { buildSnapshot } from '../policy/snapshot.ts';
import type { SignatureFact } from '../policy/facts.ts';
import { judge } from '../policy/judge.ts';
import type { PolicySnapshot, TrustRoot } from '../policy/model.ts';
import { plan } from '../policy/plan.ts';
import type { Violation } from '../policy/verdict.ts';
import type { CallOptions } from '../ports/registry.ts';
import { commandLinePolicy, type SignerFlags } from './command-line-policy.ts';
import {
  closeEvidenceAdapters,
  createEvidenceAdapters,
  readDockerConfig,
  readPublicTrustRoot,
  type EvidenceAdapters,
} from './evidence.ts';
import { exitCodes, type ExitCode } from './exit-codes.ts';
import { flag, outputFlag, registryFlags, repeatable } from './flags.ts';
import { noMetrics } from './no-metrics.ts';
import { print, type OutputFormat, type Terminal } from './terminal.ts';
import { UsageError } from './usage-error.ts';
import { describeReport, reportSignature, type VerifyReport } from './verify-report.ts';

interface VerifyFlags extends SignerFlags, RegistryFlags {
  readonly policies?: readonly string[];
  readonly trustedRoot?: string;
  readonly output: OutputFormat;
}

const deadlineMs = 60_000;

export function addVerifyCommand(program: Command, terminal: Terminal, exit: (code: ExitCode) => void): void {
  const command = program
    .command('verify <image>')
    .description('tell who signed an image, and whether that is who should have');
  registryFlags(command)
    .addOption(repeatable('--policies <path>', 'file or folder with policies'))
    .addOption(flag('--key <file>', 'PEM public key that must have signed'))
    .addOption(flag('--certificate-identity <text>', 'subject that must have signed'))
    .addOption(flag('--certificate-identity-regexp <re2>', 'the same as a regular expression'))
    .addOption(flag('--certificate-oidc-issuer <url>', 'issuer of that identity'))
    .addOption(flag('--certificate-oidc-issuer-regexp <re2>', 'the same as a regular expression'))
    .addOption(flag('--trusted-root <file>', 'trusted_root.json used instead of the public-good root'))
    .addOption(outputFlag())
    .action(async (image: string, flags: VerifyFlags) => {
      const report = await verify(image, flags, terminal);
      print(terminal, flags.output, report, () => describeReport(report, terminal));
      exit({ verified: exitCodes.ok, refused: exitCodes.refused, undecided: exitCodes.undecided }[report.verdict]);
    });
}

async function verify(text: string, flags: VerifyFlags, terminal: Terminal): Promise<VerifyReport> {
  const settings = parseRegistrySettings(flags);
  if (!settings.ok) throw new UsageError(settings.failure);
  const image = parseImageReference(text);
  if (!image.ok) throw new UsageError(image.failure.message);
  const snapshot = await snapshotOf(flags, readPublicTrustRoot(flags.trustedRoot));
  const { credentials } = readDockerConfig(flags.dockerConfig, (message) => terminal.err(`${message}\n`));
  const adapters = createEvidenceAdapters(settings.value, noMetrics);
  try {
    const options = { credentials, signal: AbortSignal.timeout(deadlineMs) };
    return await report(text, image.value, snapshot, adapters, options);
  } finally {
    await closeEvidenceAdapters(adapters);
  }
}

async function snapshotOf(flags: VerifyFlags, root: TrustRoot): Promise<PolicySnapshot> {
  const own = commandLinePolicy(flags);
  if ((own === undefined) === (flags.policies === undefined)) {
    throw new UsageError('give --policies, or --key, or --certificate-identity with --certificate-oidc-issuer');
  }
  if (own !== undefined) return buildSnapshot({ policies: [own], trustRoots: [root], noMatch: 'deny' });
  return snapshotFromFiles(flags.policies ?? [], root);
}

export async function snapshotFromFiles(
  paths: readonly string[],
  root: TrustRoot,
  noMatch: PolicySnapshot['noMatch'] = 'deny',
): Promise<PolicySnapshot> {
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const read = await readPolicies({
    paths,
    noMatch,
    publicTrustRoot: root,
    log,
    materials: materialSources(process.env),
  });
  if (read.ok) return read.value;
  throw new UsageError(read.failure.map(({ where, message }) => `${where}: ${message}`).join('\n'));
}

async function report(
  text: string,
  image: ImageReference,
  snapshot: PolicySnapshot,
  adapters: EvidenceAdapters,
  options: CallOptions,
): Promise<VerifyReport> {
  const resolved: Result<Digest> =
    image.digest === undefined ? await adapters.registry.resolve(image, image.tag ?? '', options) : ok(image.digest);
  if (!resolved.ok) {
    const { code, message } = resolved.failure;
    const verdict = kindOf(resolved.failure) === 'violation' ? 'refused' : 'undecided';
    return { image: text, verdict, policies: [], signatures: [], reasons: [{ code, message }] };
  }
  const pinned = { ...image, digest: resolved.value };
  // No object is at hand: policies that look at one are judged as for a Pod.
  const planned = plan(snapshot, pinned, {
    group: '',
    version: 'v1',
    resource: 'pods',
    namespace: 'default',
    labels: {},
  });
  const signatures: SignatureFact[] = [];
  const evidence = new Map<string, Result<readonly SignatureFact[]>>();
  for (const question of planned.questions) {
    const collected = await collectFacts(adapters, question, options, 'all');
    evidence.set(question.id, collected.ok ? ok(collected.value.facts) : collected);
    if (collected.ok) signatures.push(...collected.value.facts);
  }
  const content = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {},
    spec: { containers: [{ name: 'image', image: text }] },
  };
  const { credentials, signal } = options;
  const source = createEvidenceSource({
    ...adapters,
    metrics: noMetrics,
    pullCredentials: { ofWorkload: () => credentials },
  });
  const about = { plan: planned, evidence, image: pinned, content, workload: anybody };
  const evaluations = await evaluatePolicies(source, about, signal);
  const verdict = judge(planned, { fields: ['image'], text }, snapshot.noMatch, evidence, evaluations);
  return {
    image: formatImageReference(pinned),
    digest: resolved.value,
    verdict: verdictOf(verdict.violations),
    policies: verdict.policies,
    signatures: distinct(signatures).map(reportSignature),
    reasons: [...verdict.violations, ...verdict.warnings].map(({ code, message, policy }) => ({
      code,
      message,
      ...defined('policy', policy),
    })),
  };
}

const anybody = { namespace: 'default', serviceAccount: 'default', pullSecrets: [] };

function verdictOf(violations: readonly Violation[]): VerifyReport['verdict'] {
  if (violations.length === 0) return 'verified';
  return violations.some((violation) => kindOf(violation) === 'violation') ? 'refused' : 'undecided';
}

/** Several policies may have asked about the same signatures. */
function distinct(facts: readonly SignatureFact[]): readonly SignatureFact[] {
  return [...new Map(facts.map((fact) => [JSON.stringify(fact), fact])).values()];
}
