/**
 * `countersign demo`: the real webhook on loopback is asked what an API server would ask about images that are signed
 * well, badly or not at all, and every answer is held against what it must be.
 */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decisionLogFiles } from '../adapters/decision-log/lines.ts';
import { readDecisions } from '../adapters/decision-log/read-decisions.ts';
import { verifyDecisionLog, type Verification } from '../adapters/decision-log/verify-decision-log.ts';
import type { DemoImage } from '../demo/images/bench.ts';
import { workload, workloadKinds, type WorkloadKind } from '../demo/workloads.ts';
import { setDemoScene, type DemoScene } from './demo-scene.ts';
import { exitCodes, type ExitCode } from './exit-codes.ts';
import { admissionReviewFor } from './manifest-documents.ts';
import { patched } from '../kernel/json-patch.ts';
import { coloured, table, type Terminal } from './terminal.ts';

interface Trial {
  readonly image: DemoImage;
  readonly kind: WorkloadKind;
}

interface Tried extends Trial {
  readonly decision: 'admit' | 'refuse';
  /** Why it was refused, or the image as it is stored. */
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
    terminal.out(
      `\n${tried.length} decisions, ${wrong} not as expected; decision log ${log.verdict}; ${seconds} s.\n` +
        (keep === undefined
          ? ''
          : `Kept in ${folder}: try  countersign audit list --decision-log ${folder}/decisions.jsonl\n`),
    );
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
    terminal.out(`Webhook at ${scene.webhookUrl}, ${scene.images.length} images.\n\n`);
    for (const [index, trial] of trialsOf(scene.images).entries()) tried.push(await attempt(scene, trial, index));
    terminal.out(table([headings, ...tried.map((one) => row(terminal, one))]));
    terminal.out(`\nThe registry was asked ${scene.registryRequests()} times.\n`);
  } finally {
    await scene.close();
  }
  return { tried, log: await showLog(scene.decisionLog, terminal) };
}

/** Every image as one kind of workload in turn, then a good and a bad one as every kind. */
function trialsOf(images: readonly DemoImage[]): readonly Trial[] {
  const inTurn = images.map((image, index) => ({
    image,
    kind: workloadKinds[index % workloadKinds.length] ?? workloadKinds[0],
  }));
  const pair = ['admit', 'refuse'].flatMap((expected) => images.find((image) => image.expected === expected) ?? []);
  const everyKind = workloadKinds.flatMap((kind) => pair.map((image) => ({ image, kind })));
  const known = new Set(inTurn.map(nameOf));
  return [...inTurn, ...everyKind.filter((trial) => !known.has(nameOf(trial)))];
}

function nameOf({ image, kind }: Trial): string {
  return `${image.under}-${image.name}-${kind}`.toLowerCase();
}

/** As an API server does it: first the mutating webhook, then the validating one on what came of it. */
async function attempt({ webhook }: DemoScene, trial: Trial, index: number): Promise<Tried> {
  const { image, kind } = trial;
  const manifest = workload(kind, `${nameOf(trial)}-${index + 1}`, image.reference);
  const started = performance.now();
  const { patch } = await webhook.post('/mutate', admissionReviewFor(manifest, randomUUID()));
  const object = patched(manifest.object, patch);
  const answer = await webhook.post('/validate', admissionReviewFor({ ...manifest, object }, randomUUID()));
  const milliseconds = performance.now() - started;
  const pinned = `${image.reference}@${image.digest}`;
  const decision = answer.allowed ? 'admit' : 'refuse';
  const { message = '' } = answer;
  const asExpected = answer.allowed
    ? image.expected === 'admit' && JSON.stringify(object).includes(`"${pinned}"`)
    : image.expected === 'refuse' && answer.code === 403 && message.startsWith(`${image.expectedCode}:`);
  const outcome = answer.allowed ? `stored as …@${image.digest.slice(0, 19)}…` : short(message);
  return { ...trial, decision, outcome, milliseconds, asExpected };
}

/** The reason without the places, which are the same in every row. */
function short(message: string): string {
  const [line = ''] = message.split('\n', 1);
  return line.length > 100 ? `${line.slice(0, 99)}…` : line;
}

const headings = ['', 'kind', 'image', 'what it is', 'expected', 'decision', 'ms', 'reason'];

function row(
  terminal: Terminal,
  { image, kind, decision, outcome, milliseconds, asExpected }: Tried,
): readonly string[] {
  return [
    asExpected ? coloured(terminal, 'green', 'ok') : coloured(terminal, 'red', 'NO'),
    kind,
    `${image.under}/${image.name}`,
    image.about,
    image.expected,
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
