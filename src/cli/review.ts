/** `countersign review -f FILE`: the admission path over manifests, without a cluster. */
import { randomUUID } from 'node:crypto';
import type { Command } from 'commander';
import type { RegistryFlags } from '../config.ts';
import { judgedKinds } from '../admission/judged-kinds.ts';
import type { Reviewer } from '../admission/review.ts';
import type { Decision, DecisionReason } from '../ports/decision-log.ts';
import { changesOf, describeChange, type Change } from './changes.ts';
import { definitionsIn } from './definitions-in-manifests.ts';
import { readPublicTrustRoot } from './evidence.ts';
import { exitCodes, type ExitCode } from './exit-codes.ts';
import { flag, outputFlag, registryFlags, repeatable } from './flags.ts';
import { admissionReviewFor, readManifests, resourceOf, type ManifestDocument } from './manifest-documents.ts';
import { patched } from '../kernel/json-patch.ts';
import { coloured, print, type OutputFormat, type Terminal } from './terminal.ts';
import { createTrial } from './trial.ts';
import { UsageError } from './usage-error.ts';
import { snapshotFromFiles } from './verify.ts';

interface ReviewFlags extends RegistryFlags {
  readonly file: readonly string[];
  readonly policies: readonly string[];
  readonly onNoMatch: string;
  readonly trustedRoot?: string;
  readonly output: OutputFormat;
}

export type Verdict = 'admit' | 'refuse' | 'error';

/** What `--output json` prints for each manifest; fields may be added. */
export interface ReviewedDocument {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly verdict: Verdict;
  readonly reasons: readonly DecisionReason[];
  readonly warnings: readonly string[];
  /** What was pinned and injected. */
  readonly changes: readonly Change[];
  /** The manifest as it would be stored. */
  readonly patched: unknown;
}

const deadlineMs = 60_000;

export function addReviewCommand(program: Command, terminal: Terminal, exit: (code: ExitCode) => void): void {
  const command = program.command('review').description('judge manifests as the webhook would, without a cluster');
  registryFlags(command)
    .addOption(
      repeatable(
        '-f, --file <path>',
        'file or folder of manifests or AdmissionReviews; - for standard input',
      ).makeOptionMandatory(),
    )
    .addOption(repeatable('--policies <path>', 'file or folder with policies').makeOptionMandatory())
    .addOption(flag('--on-no-match <mode>', 'images that no policy matches', 'deny').choices(['deny', 'warn', 'allow']))
    .addOption(flag('--trusted-root <file>', 'trusted_root.json used instead of the public-good root'))
    .addOption(outputFlag())
    .action(async (flags: ReviewFlags) => {
      const documents = await review(flags, terminal);
      const verdict = worst(documents.map((document) => document.verdict));
      print(terminal, flags.output, { verdict, documents }, () =>
        documents.map((document) => describe(document, terminal)).join(''),
      );
      exit({ admit: exitCodes.ok, refuse: exitCodes.refused, error: exitCodes.undecided }[verdict]);
    });
}

function worst(verdicts: readonly Verdict[]): Verdict {
  if (verdicts.includes('refuse')) return 'refuse';
  return verdicts.includes('error') ? 'error' : 'admit';
}

async function review(flags: ReviewFlags, terminal: Terminal): Promise<readonly ReviewedDocument[]> {
  const manifests = flags.file.flatMap(manifestsOf);
  const noMatch = flags.onNoMatch === 'allow' || flags.onNoMatch === 'warn' ? flags.onNoMatch : 'deny';
  const snapshot = await snapshotFromFiles(flags.policies, readPublicTrustRoot(flags.trustedRoot), noMatch);
  const trial = createTrial(flags, terminal);
  try {
    const reviewer = trial.reviewer(snapshot, definitionsIn(manifests));
    const reviewed: ReviewedDocument[] = [];
    for (const manifest of manifests) reviewed.push(await reviewManifest(reviewer, manifest));
    return reviewed;
  } finally {
    await trial.close();
  }
}

function manifestsOf(file: string): readonly ManifestDocument[] {
  try {
    return readManifests(file);
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : `${file} cannot be read`);
  }
}

/** Both phases, one after the other, as an API server asks. */
export async function reviewManifest(reviewer: Reviewer, manifest: ManifestDocument): Promise<ReviewedDocument> {
  const { kind, namespace, name, object } = manifest;
  if (!isSentToTheWebhook(manifest)) {
    return {
      kind,
      namespace,
      name,
      verdict: 'admit',
      reasons: [],
      warnings: ['this kind is not judged'],
      changes: [],
      patched: object,
    };
  }
  const options = { signal: AbortSignal.timeout(deadlineMs) };
  const uid = randomUUID();
  const mutated = await reviewer.review('mutate', admissionReviewFor(manifest, uid), options);
  const stored = patched(object, mutated.outcome.patch);
  const validated = await reviewer.review(
    'validate',
    admissionReviewFor({ ...manifest, object: stored }, uid),
    options,
  );
  const { outcome, decision } = validated;
  const warnings = [...outcome.notices, ...outcome.warnings.map(({ code, message }) => `${code}: ${message}`)];
  const changes = changesOf(object, stored);
  const verdict = verdictOf(decision);
  return { kind, namespace, name, verdict, reasons: decision.reasons, warnings, changes, patched: stored };
}

/** Of other kinds no webhook hears; of a version that is not known it does, and refuses it. */
function isSentToTheWebhook(manifest: ManifestDocument): boolean {
  if (manifest.review !== undefined) return true;
  const { group, resource } = resourceOf(manifest);
  return judgedKinds.some((known) => known.group === group && known.resource === resource);
}

function verdictOf({ verdict }: Decision): Verdict {
  switch (verdict) {
    case 'admit':
    case 'warn':
    case 'skip':
      return 'admit';
    case 'refuse':
      return 'refuse';
    case 'unavailable':
    case 'error':
      return 'error';
  }
}

function describe(document: ReviewedDocument, terminal: Terminal): string {
  const colour = ({ admit: 'green', refuse: 'red', error: 'yellow' } as const)[document.verdict];
  const lines = [
    `${coloured(terminal, colour, document.verdict)}  ${document.kind} ${document.namespace}/${document.name}`,
  ];
  for (const { code, message, field, image } of document.reasons) {
    lines.push(
      `  ${code}${field === undefined ? '' : ` ${field}`}: ${image === undefined ? '' : `${image}: `}${message}`,
    );
  }
  for (const change of document.changes) lines.push(describeChange(change, terminal));
  for (const warning of document.warnings) lines.push(`  ${coloured(terminal, 'yellow', 'warning')} ${warning}`);
  return `${lines.join('\n')}\n`;
}
