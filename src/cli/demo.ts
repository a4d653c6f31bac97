/**
 * `countersign demo`: the real webhook on loopback is asked what an API server would ask about images that are signed
 * well, badly or not at all, and about signed actions inside and outside of their contracts. Every answer is held against
 * what it must be.
 */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decisionLogFiles } from '../adapters/decision-log/lines.ts';
import { readDecisions } from '../adapters/decision-log/read-decisions.ts';
import { verifyDecisionLog, type Verification } from '../adapters/decision-log/verify-decision-log.ts';
import { actionTrials, pinnedText, type ActionTrial } from '../demo/action-trials.ts';
import type { DemoImage } from '../demo/images/bench.ts';
import { workload, workloadKinds, type WorkloadKind } from '../demo/workloads.ts';
import { patched } from '../kernel/json-patch.ts';
import { setDemoScene, type DemoScene } from './demo-scene.ts';
import { exitCodes, type ExitCode } from './exit-codes.ts';
import { admissionReviewFor } from './manifest-documents.ts';
import { coloured, table, type Terminal } from './terminal.ts';

type Trial = ActionTrial;

interface Tried {
  readonly trial: Trial;
  readonly decision: 'admit' | 'refuse';
  /** Why it was refused, or what is stored. */
  readonly outcome: string;
  readonly milliseconds: number;
  readonly asExpected: boolean;
}

/** Exit code 0 when every decision is as expected and the decision log is intact. With `keep` nothing is removed at the end. */
export async function runDemo(keep: string | undefined, terminal: Terminal): Promise<ExitCode> {
  const started = performance.now();
  const folder = keep ?? (await mkdtemp(join(tmpdir(), 'countersign-demo-')));
  try {
    const { tried, log } = await demonstrate(folder, terminal);
    const wrong = tried.filter(({ asExpected }) => !asExpected).length;
    const seconds = ((performance.now() - started) / 1_000).toFixed(1);
    terminal.out(`\n${tried.length} decisions, ${wrong} not as expected; decision log ${log.verdict}; ${seconds} s.\n`);
    if (keep !== undefined) {
      terminal.out(`Kept in ${folder}: try  countersign audit list --decision-log ${folder}/decisions.jsonl\n`);
    }
    return wrong === 0 && log.verdict === 'intact' ? exitCodes.ok : exitCodes.refused;
  } finally {
    if (keep === undefined) await rm(folder, { recursive: true, force: true });
  }
}

async function demonstrate(
  folder: string,
  terminal: Terminal,
): Promise<{ readonly tried: readonly Tried[]; readonly log: Verification }> {
  terminal.err('Starting registry and Sigstore, signing images, starting the webhook …\n');
  const scene = await setDemoScene(folder);
  const tried: Tried[] = [];
  try {
    terminal.out(`Webhook at ${scene.webhookUrl}, ${scene.images.length} images.\n`);
    for (const [title, trials] of chaptersOf(scene)) {
      const done: Tried[] = [];
      for (const trial of trials) done.push(await attempt(scene, trial));
      terminal.out(`\n${title}\n\n${table([headings, ...done.map((one) => row(terminal, one))])}`);
      tried.push(...done);
    }
    terminal.out(`\nThe registry was asked ${scene.registryRequests()} times.\n`);
  } finally {
    await scene.close();
  }
  return { tried, log: await showLog(scene.decisionLog, terminal) };
}

function chaptersOf({ images, actions }: DemoScene): readonly (readonly [string, readonly Trial[]])[] {
  return [
    ['Who signed it?', imageTrials(images)],
    ['What may it do? Contracts of signed actions', actionTrials(actions)],
  ];
}

/** Every image as one kind of workload in turn, then a good and a bad one as every kind. */
function imageTrials(images: readonly DemoImage[]): readonly Trial[] {
  const inTurn = images.map((image, index) => imageTrial(image, workloadKinds[index % workloadKinds.length]));
  const pair = ['admit', 'refuse'].flatMap((expected) => images.find((image) => image.expected === expected) ?? []);
  const everyKind = workloadKinds.flatMap((kind) => pair.map((image) => imageTrial(image, kind)));
  const known = new Set(inTurn.map(({ manifest }) => manifest.name));
  return [...inTurn, ...everyKind.filter(({ manifest }) => !known.has(manifest.name))];
}

function imageTrial(image: DemoImage, kind: WorkloadKind = 'Pod'): Trial {
  const manifest = workload(kind, `${image.under}-${image.name}-${kind}`.toLowerCase(), image.reference);
  const shows = image.expected === 'admit' ? [pinnedText(image)] : [];
  return { ...image, image: { ...image, name: `${image.under}/${image.name}` }, kind, manifest, shows };
}

/** As an API server does it: first the mutating webhook, then the validating one on what came of it. */
async function attempt({ webhook }: DemoScene, trial: Trial): Promise<Tried> {
  const { image, manifest } = trial;
  const started = performance.now();
  const { patch } = await webhook.post('/mutate', admissionReviewFor(manifest, randomUUID()));
  const object = patched(manifest.object, patch);
  const answer = await webhook.post('/validate', admissionReviewFor({ ...manifest, object }, randomUUID()));
  const milliseconds = performance.now() - started;
  const stored = JSON.stringify(object);
  const { message = '' } = answer;
  const shown = (text: string): boolean => trial.shows.every((part) => text.includes(part));
  const asExpected = answer.allowed
    ? trial.expected === 'admit' && shown(stored)
    : trial.expected === 'refuse' &&
      answer.code === 403 &&
      message.startsWith(`${trial.expectedCode}:`) &&
      shown(message);
  return {
    trial,
    decision: answer.allowed ? 'admit' : 'refuse',
    outcome: answer.allowed ? `stored as …@${image.digest.slice(0, 19)}…` : short(message),
    milliseconds,
    asExpected,
  };
}

/** The reason without the places, which are the same in every row. */
function short(message: string): string {
  const [line = ''] = message.split('\n', 1);
  return line.length > 100 ? `${line.slice(0, 99)}…` : line;
}

const headings = ['', 'kind', 'image', 'what it is', 'expected', 'decision', 'ms', 'reason'];

function row(terminal: Terminal, { trial, decision, outcome, milliseconds, asExpected }: Tried): readonly string[] {
  return [
    asExpected ? coloured(terminal, 'green', 'ok') : coloured(terminal, 'red', 'NO'),
    trial.kind,
    trial.image.name,
    trial.about,
    trial.expected,
    coloured(terminal, decision === 'admit' ? 'green' : 'red', decision),
    milliseconds.toFixed(0),
    outcome,
  ];
}

const shownRecords = 8;

async function showLog(file: string, terminal: Terminal): Promise<Verification> {
  const files = await decisionLogFiles(file);
  const rows: (readonly string[])[] = [];
  for await (const found of readDecisions(files, { limit: shownRecords })) {
    if (found.kind === 'decision') rows.push(recordRow(found.record));
  }
  const log = await verifyDecisionLog(files);
  const place = log.firstBroken === undefined ? '' : `: line ${log.firstBroken.line}: ${log.firstBroken.why}`;
  terminal.out(
    `\nDecision log: ${log.records} records, chain ${log.verdict}${place}. The last ${rows.length}:\n\n${table(rows)}`,
  );
  return log;
}

function recordRow(record: Readonly<Record<string, unknown>>): readonly string[] {
  const text = (key: string): string =>
    typeof record[key] === 'string' ? record[key] : JSON.stringify(record[key] ?? '');
  const shown = ['sequence', 'time', 'phase', 'verdict', 'kind', 'name'].map(text);
  return [...shown, `${text('hash').slice(0, 12)}…`];
}
