/**
 * The whole webhook over TLS with a registry behind it, both in this process, asked as an API server asks. `assertRefused` is
 * what every case of this folder ends in: an answer, in time and in bounded memory, one record, and a webhook that still
 * works.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Agent, request } from 'undici';
import { expect } from 'vitest';
import { stringify } from 'yaml';
import { decisionLogFiles } from '../../src/adapters/decision-log/lines.ts';
import { readDecisions } from '../../src/adapters/decision-log/read-decisions.ts';
import { verifyDecisionLog } from '../../src/adapters/decision-log/verify-decision-log.ts';
import { admissionReviewFor } from '../../src/cli/manifest-documents.ts';
import { startWebhook } from '../../src/cli/serving/start.ts';
import { attachLegacy, signLegacy, simpleSigningPayload, type Signable } from '../../src/demo/images/legacy.ts';
import { newSigningKey, type SigningKey } from '../../src/demo/images/signing-key.ts';
import { pushImage } from '../../src/demo/registry/images.ts';
import { startRegistry, type DemoRegistry } from '../../src/demo/registry/serve.ts';
import type { FailureCode } from '../../src/kernel/failure.ts';
import { asRecord } from '../../src/kernel/strict-json.ts';
import { measured } from './measured.ts';

type Members = Readonly<Record<string, unknown>>;

export interface PolicyFile {
  readonly name: string;
  readonly text: string;
}

export interface Question {
  readonly path?: '/mutate' | '/validate';
  /** What the API server would wait, in seconds. */
  readonly timeout?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
}

export interface Expected {
  readonly code: FailureCode;
  /** What the sentence must say. */
  readonly says: RegExp;
  /** Of the HTTP response; the API server reads no other than 200. */
  readonly http?: number;
  readonly withinMs?: number;
  /** For which no other request is answered. */
  readonly withinStallMs?: number;
  /**
   * More than before, for the webhook, the registry, the one who asks and what the runtime has not collected yet, together.
   * What a search itself takes, 64 MiB at most, is measured in a process of its own: test/evidence/search-memory.test.ts.
   */
  readonly withinMiB?: number;
  /** What has to happen before a good request passes again; nothing for a request that only harms itself. */
  readonly repair?: () => Promise<void>;
}

export interface Gate {
  readonly registry: DemoRegistry;
  readonly key: SigningKey;
  /** An image that is signed with the key. */
  readonly good: string;
  assertRefused(question: Question, expected: Expected): Promise<void>;
  assertAdmitted(question: Question): Promise<void>;
  /** By the mutating webhook, which leaves refusing to the validating one. */
  assertLeftAlone(question: Question): Promise<void>;
  readonly policiesFolder: string;
  close(): Promise<void>;
}

export interface GateOptions {
  /** In place of those that are used by most. */
  readonly policies?: (gate: Pick<Gate, 'registry' | 'key'>) => readonly PolicyFile[];
}

const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };
const mebibyte = 1024 * 1024;

export async function openGate({ policies = usualPolicies }: GateOptions = {}): Promise<Gate> {
  const folder = await mkdtemp(join(tmpdir(), 'countersign-bad-input-'));
  const registry = await startRegistry();
  const key = newSigningKey();
  const good = pushSigned({ registry, key }, 'key/good');
  const policiesFolder = join(folder, 'policies');
  await mkdir(policiesFolder);
  for (const { name, text } of policies({ registry, key })) await writeFile(join(policiesFolder, name), text);
  const file = join(folder, 'decisions.jsonl');
  const webhook = await startWebhook(
    {
      listen: { host: '127.0.0.1', port: 0 },
      policies: [policiesFolder],
      namespace: 'countersign-system',
      onNoMatch: 'deny',
      trustRootMinutes: 1440,
      onUnresolvedImage: 'defer',
      decisionLog: { file, maxBytes: 100 * mebibyte, maxFiles: 2 },
      onDecisionLogFailure: 'refuse',
      tls: { names: ['127.0.0.1'] },
      registry: { insecure: [registry.host], ca: new Map() },
      drainSeconds: 0,
    },
    quiet,
  );
  const dispatcher = new Agent({ connect: { ca: webhook.caPem ?? '' } });

  let fresh = 0;

  async function ask({ path = '/validate', timeout = 10, headers = {}, body }: Question): Promise<Answer> {
    const response = await request(`https://127.0.0.1:${webhook.address.port}${path}?timeout=${timeout}s`, {
      dispatcher,
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body,
      signal: AbortSignal.timeout(15_000),
    });
    return { http: response.statusCode, review: asRecord(await response.body.json()) ?? {} };
  }

  async function records(): Promise<readonly Members[]> {
    const found: Members[] = [];
    for await (const read of readDecisions(await decisionLogFiles(file), {})) {
      if (read.kind === 'unreadable') throw new Error(`${read.file}:${read.line}: ${read.why}`);
      found.push(read.record);
    }
    return found;
  }

  async function assertAdmitted(question: Question): Promise<void> {
    const { review } = await ask(question);
    expect(review).toMatchObject({ response: { allowed: true } });
  }

  async function assertLeftAlone(question: Question): Promise<void> {
    const before = await records();
    const { review } = await ask({ ...question, path: '/mutate' });
    expect(review).toMatchObject({ response: { allowed: true } });
    expect(review).not.toHaveProperty('response.patch');
    const after = await records();
    expect(after).toHaveLength(before.length + 1);
    expect(after.at(-1)).toMatchObject({ phase: 'mutate', verdict: 'skip' });
  }

  async function assertRefused(question: Question, expected: Expected): Promise<void> {
    const { code, says, http = 200, withinMs = 5_000, withinStallMs = 1_000, withinMiB = 96 } = expected;
    const before = await records();
    const { value: answer, ms, stallMs, bytes } = await measured(() => ask(question));
    const after = await records();
    expect(answer).toMatchObject({ http, review: { kind: 'AdmissionReview', response: { allowed: false } } });
    expect(messageOf(answer)).toMatch(new RegExp(`^${code}: .+ \\[request `, 's'));
    expect(messageOf(answer)).toMatch(says);
    expect(answer.review).not.toHaveProperty('response.patch');
    expect(after).toHaveLength(before.length + 1);
    expect(after.at(-1)).toMatchObject({ verdict: expect.not.stringMatching(/admit|warn|skip/), reasons: [{ code }] });
    expect(await verifyDecisionLog(await decisionLogFiles(file))).toMatchObject({ verdict: 'intact' });
    expect(ms).toBeLessThan(withinMs);
    expect(stallMs).toBeLessThan(withinStallMs);
    expect(bytes / mebibyte).toBeLessThan(withinMiB);
    await expected.repair?.();
    // Never seen before: nothing that is kept can answer for it.
    fresh += 1;
    await assertAdmitted({ body: podOf(pushSigned({ registry, key }, `key/fresh-${fresh}`)) });
  }

  return {
    policiesFolder,
    registry,
    key,
    good,
    assertRefused,
    assertAdmitted,
    assertLeftAlone,
    async close() {
      await dispatcher.close();
      await webhook.close();
      await registry.close();
      await rm(folder, { recursive: true });
    },
  };
}

interface Answer {
  readonly http: number;
  readonly review: Members;
}

function messageOf({ review }: Answer): string {
  return String(asRecord(asRecord(review['response'])?.['status'])?.['message']);
}

/** Everything in `key/` and `actions/` has to be signed; what is in `actions/` has to have a contract as well. */
export function usualPolicies({ registry, key }: Pick<Gate, 'registry' | 'key'>): readonly PolicyFile[] {
  const signed = {
    apiVersion: 'policy.sigstore.dev/v1beta1',
    kind: 'ClusterImagePolicy',
    metadata: { name: 'signed' },
    spec: {
      images: [{ glob: `${registry.host}/key/**` }, { glob: `${registry.host}/actions/**` }],
      authorities: [{ name: 'release-key', key: { data: key.publicKeyPem } }],
    },
  };
  const actions = {
    apiVersion: 'countersign.dev/v1alpha1',
    kind: 'ActionPolicy',
    metadata: { name: 'actions' },
    spec: {
      images: [{ glob: `${registry.host}/actions/**` }],
      namespaces: { allow: ['demo'] },
      contract: { required: true, onConflict: 'Deny' },
    },
  };
  return [{ name: 'policies.yaml', text: `${stringify(signed)}---\n${stringify(actions)}` }];
}

export function sign({ registry, key }: Pick<Gate, 'registry' | 'key'>, image: Signable): void {
  attachLegacy(registry, image, [signLegacy(simpleSigningPayload(registry.host, image), key)]);
}

/** An image by digest, signed with the key. */
export function pushSigned(gate: Pick<Gate, 'registry' | 'key'>, repository: string): string {
  const { digest } = pushImage(gate.registry, { repository });
  sign(gate, { repository, digest });
  return nameOf(gate, { repository, digest });
}

export function nameOf({ registry }: Pick<Gate, 'registry'>, { repository, digest }: Signable): string {
  return `${registry.host}/${repository}@${digest}`;
}

let asked = 0;

/** The AdmissionReview of a new Pod with this image. */
export function reviewOf(image: unknown): Members {
  const object = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'main', namespace: 'demo' },
    spec: { containers: [{ name: 'main', image }] },
  };
  const pod = { apiVersion: 'v1', kind: 'Pod', namespace: 'demo', name: 'main', object };
  // A record by construction.
  return admissionReviewFor(pod, `uid-${(asked += 1)}`) as Members;
}

export function podOf(image: unknown): string {
  return JSON.stringify(reviewOf(image));
}
