/**
 * Admission under attestation policies beside sigstore policy-controller: the same AdmissionReviews, to the program that
 * is asked in turns, with its own configuration as its release has it. Cold: images that were never seen. Warm: the same
 * again. CEL is ours alone, and stands beside their CUE.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Agent, request } from 'undici';
import { startPart, type WebhookProcess } from '../cluster/gate/webhook-process.ts';
import type { ApiObject } from '../cluster/gate/api.ts';
import { copyRepository } from '../cluster/policy-controller/images.ts';
import { startPolicyController, type PolicyController } from '../cluster/policy-controller/start-policy-controller.ts';
import { until } from '../cluster/processes.ts';
import { findPolicyController } from '../cluster/programs.ts';
import { must } from '../differential/cosign.ts';
import { startLab, type Lab, type LabImage } from '../differential/lab.ts';
import { podReview } from './pod-review.ts';
import { atLeast, megabytes, perSecond, type Row, type Section } from './report.ts';
import { median } from './statistics.ts';
import { withCluster, type BenchCluster } from './with-cluster.ts';

const images = 60;
const rounds = 3;
const roundMs = 3_000;
const atOnce = 8;
const target = 2;

const languages = ['cue', 'rego', 'cel'] as const;
type Language = (typeof languages)[number];

/** The same demand in each. */
const code: Readonly<Record<Language, string>> = {
  cue: 'predicate: Data: "approved"',
  rego: 'package sigstore\nisCompliant { input.predicate.Data == "approved" }',
  cel: 'predicate.Data == "approved"',
};

interface Judge {
  /** Without the path. */
  readonly url: string;
  readonly path: string;
}

interface Figures {
  readonly language: Language;
  readonly cold: Pair;
  readonly warm: Pair;
}

/** Requests a second. */
interface Pair {
  readonly ours: number;
  readonly theirs: number;
}

interface Memory {
  readonly ours: number;
  readonly theirs: number;
}

export async function measurePolicyController(): Promise<Section> {
  const program = await findPolicyController();
  const lab = program === undefined ? undefined : await startLab();
  if (program === undefined || lab === undefined) throw new Error('there is no Go that builds policy-controller');
  try {
    return await withCluster((cluster) => measure(cluster, lab, program));
  } finally {
    await lab.close();
  }
}

async function measure(cluster: BenchCluster, lab: Lab, program: string): Promise<Section> {
  const attested = await attestedImages(lab);
  await prepare(cluster);
  const kubeconfig = join(cluster.folder, 'admin.kubeconfig');
  writeFileSync(kubeconfig, cluster.api.config.exportConfig(), { mode: 0o600 });
  const policyController = await startPolicyController(cluster.api, kubeconfig, program);
  cluster.stops.push(() => policyController.close());
  // CEL is no language that it would store.
  const policies = languages.map((language) => policyOf(language, lab));
  for (const policy of policies.filter(({ metadata }) => metadata.name !== 'cel')) await cluster.api.apply(policy);
  cluster.stops.push(() => removed(cluster, policies));
  // As the image starts it (Dockerfile), with the heap that Node takes where memory is limited to 512 MiB.
  process.env['NODE_OPTIONS'] = '--max-semi-space-size=16 --max-old-space-size=256';
  process.env['MALLOC_ARENA_MAX'] = '2';
  const webhook = await startPart('serve', [
    `--kubeconfig=${join(cluster.folder, 'countersign.kubeconfig')}`,
    `--insecure-registry=${lab.registry.host}`,
  ]);
  cluster.stops.push(() => webhook.close());
  const ours = { url: webhook.url, path: '/validate' };
  const theirs = { url: 'https://127.0.0.1:8443', path: '/validations' };
  const figures: Figures[] = [];
  for (const language of ['cue', 'rego'] as const) figures.push(await compare(language, ours, theirs, lab, attested));
  const memory = await memoryOf(webhook, policyController);
  return section(figures, memory, await alone('cel', ours, cluster, lab, attested));
}

async function attestedImages(lab: Lab): Promise<readonly LabImage[]> {
  const file = lab.file('approved');
  writeFileSync(file, 'approved');
  const how = ['--use-signing-config=false', '--tlog-upload=false', '--new-bundle-format=false'];
  const what = ['--predicate', file, '--type', 'custom', '--key', lab.privateKey('p256')];
  const made = Array.from({ length: images }, (_, index) => lab.image(`made/${index}`));
  const waiting = [...made];
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift())
      await must(lab.cosign, ['attest', ...how, ...what, next.reference]);
  };
  await Promise.all([work(), work()]);
  for (const language of languages) {
    for (const [index, image] of made.entries()) copyRepository(lab.registry, image.repository, `${language}/${index}`);
  }
  return made;
}

/** What the reviews name. */
async function prepare({ api }: BenchCluster): Promise<void> {
  const metadata = { name: 'shop', labels: { 'policy.sigstore.dev/include': 'true' } };
  await api.apply({ apiVersion: 'v1', kind: 'Namespace', metadata });
  await api.apply({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'web', namespace: 'shop' } });
}

function policyOf(language: Language, lab: Lab): ApiObject {
  const policy = { type: language, data: code[language] };
  const predicateType = 'https://cosign.sigstore.dev/attestation/v1';
  return {
    apiVersion: 'policy.sigstore.dev/v1beta1',
    kind: 'ClusterImagePolicy',
    metadata: { name: language },
    spec: {
      images: [{ glob: `${lab.registry.host}/${language}/**` }],
      authorities: [{ key: { data: lab.publicKeyPem('p256') }, attestations: [{ name: 'it', predicateType, policy }] }],
    },
  };
}

async function removed({ api }: BenchCluster, policies: readonly ApiObject[]): Promise<void> {
  for (const policy of policies) await api.remove(policy);
  await until(async () => (await Promise.all(policies.map((policy) => api.read(policy)))).every((it) => !it), 20_000);
}

function reviewsOf(language: Language, lab: Lab, attested: readonly LabImage[]): readonly string[] {
  return attested.map(({ digest }, index) => podReview(index, `${lab.registry.host}/${language}/${index}@${digest}`));
}

async function compare(
  language: Language,
  ours: Judge,
  theirs: Judge,
  lab: Lab,
  attested: readonly LabImage[],
): Promise<Figures> {
  const reviews = reviewsOf(language, lab, attested);
  const [probe = '', ...others] = reviews;
  await untilAdmitted(ours, probe);
  await untilAdmitted(theirs, probe);
  const cold = { theirs: await once(theirs, others), ours: await once(ours, others) };
  const warm: Pair[] = [];
  for (let round = 0; round < rounds; round += 1)
    warm.push({ theirs: await during(theirs, reviews), ours: await during(ours, reviews) });
  return {
    language,
    cold,
    warm: { ours: median(warm.map((pair) => pair.ours)), theirs: median(warm.map((pair) => pair.theirs)) },
  };
}

async function alone(
  language: Language,
  ours: Judge,
  { api }: BenchCluster,
  lab: Lab,
  attested: readonly LabImage[],
): Promise<Omit<Figures, 'cold' | 'warm'> & { readonly cold: number; readonly warm: number }> {
  for (const kind of ['ValidatingWebhookConfiguration', 'MutatingWebhookConfiguration']) {
    const name = kind.startsWith('V') ? 'validating' : 'defaulting';
    await api.remove({
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind,
      metadata: { name: `${name}.clusterimagepolicy.sigstore.dev` },
    });
  }
  await api.apply(policyOf(language, lab));
  const reviews = reviewsOf(language, lab, attested);
  const [probe = '', ...others] = reviews;
  await untilAdmitted(ours, probe);
  return { language, cold: await once(ours, others), warm: await during(ours, reviews) };
}

async function untilAdmitted(judge: Judge, review: string): Promise<void> {
  const agent = agentFor();
  let last = '';
  const admitted = await until(async () => (last = await ask(agent, judge, review)).includes('"allowed":true'), 30_000);
  await agent.close();
  if (!admitted) throw new Error(`${judge.path} does not admit: ${last}`);
}

/** Each once; requests a second. */
async function once(judge: Judge, reviews: readonly string[]): Promise<number> {
  const waiting = [...reviews];
  const started = performance.now();
  await asking(judge, () => waiting.shift());
  return (reviews.length * 1_000) / (performance.now() - started);
}

/** Again and again. */
async function during(judge: Judge, reviews: readonly string[]): Promise<number> {
  const started = performance.now();
  let asked = 0;
  await asking(judge, () => {
    if (performance.now() - started > roundMs) return undefined;
    asked += 1;
    return reviews[asked % reviews.length];
  });
  return (asked * 1_000) / (performance.now() - started);
}

async function asking(judge: Judge, next: () => string | undefined): Promise<void> {
  const agent = agentFor();
  const work = async (): Promise<void> => {
    for (let review = next(); review !== undefined; review = next()) {
      const answer = await ask(agent, judge, review);
      if (!answer.includes('"allowed":true')) throw new Error(`${judge.path} answers ${answer}`);
    }
  };
  try {
    await Promise.all(Array.from({ length: atOnce }, work));
  } finally {
    await agent.close();
  }
}

/** Each has a certificate of its own for a name in a cluster: here both are on this machine. */
const agentFor = (): Agent => new Agent({ connections: atOnce, connect: { rejectUnauthorized: false } });

async function ask(dispatcher: Agent, { url, path }: Judge, body: string): Promise<string> {
  const answer = await request(`${url}${path}?timeout=25s`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
    dispatcher,
    signal: AbortSignal.timeout(30_000),
  });
  return answer.body.text();
}

async function memoryOf(webhook: WebhookProcess, policyController: PolicyController): Promise<Memory> {
  const { text } = await webhook.get('/metrics');
  const status = readFileSync(`/proc/${policyController.pid()}/status`, 'utf8');
  return {
    ours: Number(/^process_resident_memory_bytes (\S+)$/m.exec(text)?.[1]),
    theirs: Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1_024,
  };
}

function section(figures: readonly Figures[], memory: Memory, cel: Awaited<ReturnType<typeof alone>>): Section {
  const rows: readonly Row[] = [
    ...figures.flatMap(({ language, cold, warm }): readonly Row[] => [
      row(`Pods under an attestation policy in ${language}, images never seen (beside: policy-controller)`, cold),
      {
        ...row(`Pods under an attestation policy in ${language}, images seen (beside: policy-controller)`, warm),
        target: atLeast(warm.ours / warm.theirs, target),
      },
    ]),
    {
      what: 'Pods under an attestation policy in cel, never seen, and seen',
      ours: perSecond(cel.cold),
      beside: perSecond(cel.warm),
    },
    {
      what: 'memory after it (beside: policy-controller)',
      ours: megabytes(memory.ours),
      beside: megabytes(memory.theirs),
    },
  ];
  return { name: 'policy-controller', figures: { images, rounds, roundMs, atOnce, figures, cel, memory }, rows };
}

function row(what: string, { ours, theirs }: Pair): Row {
  return { what, ours: perSecond(ours), beside: perSecond(theirs) };
}
