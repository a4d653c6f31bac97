/** A reviewer between fakes: what the outside says is set by a test, and what was asked of it is kept. */
import { imagesAnnotation } from '../../src/admission/hold-run.ts';
import {
  createReviewer,
  type Phase,
  type Reviewed,
  type ReviewPorts,
  type ReviewSettings,
} from '../../src/admission/review.ts';
import type { ActionContract } from '../../src/contract/model.ts';
import type { EvidenceSource } from '../../src/evidence/evidence-source.ts';
import { digestOf, type Digest } from '../../src/kernel/digest.ts';
import { failure } from '../../src/kernel/failure.ts';
import { compileGlob } from '../../src/kernel/glob.ts';
import { repositoryName } from '../../src/kernel/image-reference.ts';
import { patched as applied, type PatchOperation } from '../../src/kernel/json-patch.ts';
import { fail, ok, type Result } from '../../src/kernel/result.ts';
import { asRecord } from '../../src/kernel/strict-json.ts';
import type { ActionPolicy } from '../../src/policy/action-policy.ts';
import { buildSnapshot } from '../../src/policy/snapshot.ts';
import type { SignatureFact } from '../../src/policy/facts.ts';
import type { Authority, ClusterImagePolicy, NoMatchPolicy, PolicySnapshot } from '../../src/policy/model.ts';
import type { PinnedImage, Question } from '../../src/policy/question.ts';
import type { Decision } from '../../src/ports/decision-log.ts';
import type { Workload } from '../../src/ports/pull-credentials.ts';
import { noPolicyCode } from '../fakes/policy-code.ts';

type Facts = Result<readonly SignatureFact[]>;

export const signed: Facts = ok([
  { verified: true, format: 'bundle', type: 'signature', signer: { kind: 'key', fingerprint: '00' }, annotations: {} },
]);
export const unsigned: Facts = ok([]);
export const unreachable: Facts = fail(failure('REGISTRY_UNREACHABLE', 'registry.example does not answer', 7));

/** The digest that the fake registry gives to every tag of a repository. */
export function digestFor(repository: string): Digest {
  return digestOf(repository);
}

export function pinned(repository: string, tag = ''): string {
  return `${repository}${tag === '' ? '' : `:${tag}`}@${digestFor(repository)}`;
}

export const byKey: Authority = { kind: 'key', name: 'release-key', keys: ['a public key'], attestations: [] };
export const passes: Authority = { kind: 'static', name: 'static', action: 'pass', message: '' };
export const fails: Authority = { kind: 'static', name: 'static', action: 'fail', message: 'not here' };

export function policy(
  name: string,
  glob: string,
  rest: Partial<Omit<ClusterImagePolicy, 'name' | 'images'>> = {},
): ClusterImagePolicy {
  const compiled = compileGlob(glob);
  if (!compiled.ok) throw new Error(compiled.problem);
  const defaults = { match: [], mode: 'enforce', authorities: [byKey], notReady: [], meaning: name } as const;
  return { name, images: [compiled.value], ...defaults, ...rest };
}

export function snapshotOf(
  policies: readonly ClusterImagePolicy[],
  noMatch: NoMatchPolicy = 'deny',
  actionPolicies: readonly ActionPolicy[] = [],
): PolicySnapshot {
  return buildSnapshot({ policies, actionPolicies, trustRoots: [], noMatch });
}

export const everythingSigned = snapshotOf([policy('everything-signed', '**')]);

/** What a test lets the outside do; whatever is left out behaves well. */
export interface World {
  readonly policies?: PolicySnapshot | 'none yet' | 'broken';
  /** About signatures; `signed` for every image unless given. */
  readonly facts?: (image: PinnedImage, signal: AbortSignal) => Facts | Promise<Facts>;
  readonly resolve?: (repository: string, signal: AbortSignal) => Result<Digest> | Promise<Result<Digest>>;
  /** Of an image; none unless given. */
  readonly contract?: (repository: string) => Result<ActionContract | undefined>;
  readonly append?: (decision: Decision) => Promise<Result<void>>;
  readonly ports?: Partial<ReviewPorts>;
  readonly settings?: Partial<ReviewSettings>;
}

/** The AdmissionResponse as the API server reads it. */
export interface Response {
  readonly uid: string;
  readonly allowed: boolean;
  readonly status?: {
    readonly code: number;
    readonly reason: string;
    readonly message: string;
    readonly details: {
      readonly causes: readonly { readonly reason: string; readonly field?: string }[];
      readonly retryAfterSeconds?: number;
    };
  };
  readonly patchType?: 'JSONPatch';
  readonly patch?: string;
  readonly warnings?: readonly string[];
  readonly auditAnnotations: Readonly<Record<string, string>>;
}

export interface Answered {
  readonly reviewed: Reviewed;
  readonly response: Response;
}

export class Bench {
  readonly decisions: Decision[] = [];
  readonly asked: Question[] = [];
  readonly resolved: string[] = [];
  /** Of which images the contract was asked for. */
  readonly contracts: string[] = [];
  readonly workloads: Workload[] = [];
  readonly counted: string[] = [];
  readonly logged: { readonly level: string; readonly message: string; readonly fields: object }[] = [];
  readonly #reviewer;
  readonly #world: World;

  constructor(world: World = {}) {
    this.#world = world;
    const ports = { ...this.#ports(), ...world.ports };
    this.#reviewer = createReviewer(ports, { onDecisionLogFailure: 'refuse', ...world.settings });
  }

  async review(phase: Phase, body: unknown, signal = new AbortController().signal): Promise<Answered> {
    return this.reviewBytes(phase, JSON.stringify(body), signal);
  }

  async reviewBytes(phase: Phase, text: string, signal = new AbortController().signal): Promise<Answered> {
    return answered(await this.#reviewer.reviewBytes(phase, Buffer.from(text), { signal }));
  }

  async refuseUnread(...args: Parameters<typeof this.reviewer.refuseUnread>): Promise<Answered> {
    return answered(await this.#reviewer.refuseUnread(...args));
  }

  get reviewer() {
    return this.#reviewer;
  }

  #ports(): ReviewPorts {
    const log = (level: string) => (fields: object, message: string) =>
      void this.logged.push({ level, message, fields });
    let ids = 0;
    return {
      policies: { current: () => this.#policies(), problems: () => [] },
      evidence: this.evidence(),
      decisionLog: {
        append: async (decision) => {
          this.decisions.push(decision);
          return this.#world.append?.(decision) ?? ok(undefined);
        },
      },
      clock: { now: () => new Date('2026-01-02T03:04:05Z') },
      metrics: {
        admission: (phase, verdict, kind) => void this.counted.push(`${phase} ${verdict} ${kind}`),
        refusal: (code, of) => void this.counted.push(`${code} ${of}`.trim()),
        decisionLogFailure: () => void this.counted.push('decision log failure'),
      },
      log: { info: log('info'), warn: log('warn'), error: log('error') },
      newId: () => `id-${(ids += 1)}`,
    };
  }

  #policies(): PolicySnapshot | undefined {
    const { policies = everythingSigned } = this.#world;
    if (policies === 'broken') throw new Error('policies: a secret detail');
    return policies === 'none yet' ? undefined : policies;
  }

  /** What the outside says. */
  evidence(): EvidenceSource {
    const { facts = () => signed, resolve = (repository) => ok(digestFor(repository)) } = this.#world;
    return {
      ...noPolicyCode,
      resolveTag: async (image, workload, signal) => {
        const repository = repositoryName(image);
        this.resolved.push(repository);
        this.workloads.push(workload);
        return resolve(repository, signal);
      },
      answer: async (questions, workload, signal) => {
        this.asked.push(...questions);
        this.workloads.push(workload);
        const answers = questions.map(async ({ id, image }) => [id, await facts(image, signal)] as const);
        return new Map(await Promise.all(answers));
      },
      contract: async ({ registry, repository }) => {
        this.contracts.push(`${registry}/${repository}`);
        return this.#world.contract?.(`${registry}/${repository}`) ?? ok(undefined);
      },
    };
  }
}

function answered(reviewed: Reviewed): Answered {
  // What the API server would do with it.
  const { apiVersion, kind, response } = JSON.parse(reviewed.body) as Record<string, unknown>;
  if (apiVersion !== 'admission.k8s.io/v1' || kind !== 'AdmissionReview') throw new Error('no AdmissionReview');
  return { reviewed, response: response as Response };
}

export interface Sent {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly kind: string;
}

export const pods: Sent = { group: '', version: 'v1', resource: 'pods', kind: 'Pod' };
export const deployments: Sent = { group: 'apps', version: 'v1', resource: 'deployments', kind: 'Deployment' };

/** The AdmissionReview for an object; `changes` to the request stand above everything. */
export function reviewOf(object: unknown, of: Sent = pods, changes: Readonly<Record<string, unknown>> = {}): unknown {
  const { group, version, resource, kind } = of;
  const request = {
    uid: 'uid-1',
    kind: { group, version, kind },
    resource: { group, version, resource },
    name: 'app',
    namespace: 'team',
    operation: 'CREATE',
    userInfo: { username: 'somebody' },
    object,
    ...changes,
  };
  return { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', request };
}

export function podOf(...images: readonly unknown[]): Record<string, unknown> {
  const containers = images.map((image, index) => ({ name: `c${index}`, image }));
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'app' }, spec: { containers } };
}

/** A TaskRun with the one thing that the validating phase wants of the mutating one; other objects as they are. */
export async function held(object: object, of: Sent, world: World = {}): Promise<object> {
  if (of.resource !== 'taskruns') return object;
  const { response } = await new Bench(world).review('mutate', reviewOf(object, of));
  const metadata = metadataOf(object);
  const annotation = asRecord(metadataOf(patched(object, response.patch))['annotations'])?.[imagesAnnotation];
  if (annotation === undefined) return object;
  const annotations = { ...asRecord(metadata['annotations']), [imagesAnnotation]: annotation };
  return { ...object, metadata: { ...metadata, annotations } };
}

function metadataOf(object: unknown): Readonly<Record<string, unknown>> {
  return asRecord(asRecord(object)?.['metadata']) ?? {};
}

/** The object as the API server stores it. */
export function patched(object: unknown, patch: string | undefined): unknown {
  if (patch === undefined) return structuredClone(object);
  return applied(object, JSON.parse(Buffer.from(patch, 'base64').toString()) as readonly PatchOperation[]);
}
