/** A cluster in memory: Pods by namespace, reports, and registries that say what a test wants. */
import type { AuditPorts } from '../../../src/controllers/scan/audit-pod.ts';
import type { EvidenceSource } from '../../../src/evidence/evidence-source.ts';
import { failure, type Failure } from '../../../src/kernel/failure.ts';
import { repositoryName } from '../../../src/kernel/image-reference.ts';
import { fail, ok } from '../../../src/kernel/result.ts';
import type { PolicySnapshot } from '../../../src/policy/model.ts';
import type { PolicyReports, Report, StoredReport } from '../../../src/ports/policy-reports.ts';
import type { RunningPod, RunningPods } from '../../../src/ports/running-pods.ts';
import { digestFor, policy, signed, snapshotOf, unreachable, unsigned } from '../../admission/bench.ts';
import { noPolicyCode } from '../../fakes/policy-code.ts';

const everythingSigned = snapshotOf([policy('signed', '**')]);
export const away: Failure = failure('CLUSTER_UNAVAILABLE', 'the API server is away', 5);

export class World {
  snapshot: PolicySnapshot | undefined = everythingSigned;
  now = new Date('2026-03-02T10:00:00Z');
  /** By repository; the others are signed. */
  readonly facts = new Map<string, typeof signed>();
  readonly asked: string[] = [];
  readonly logged: string[] = [];
  readonly ports: AuditPorts = {
    policies: { current: () => this.snapshot, problems: () => [] },
    evidence: this.#evidence(),
    clock: { now: () => this.now },
    log: {
      info: (_fields, message) => void this.logged.push(message),
      warn: (_fields, message) => void this.logged.push(message),
      error: (_fields, message) => void this.logged.push(message),
    },
  };

  #evidence(): EvidenceSource {
    return {
      resolveTag: async (image) => ok(digestFor(repositoryName(image))),
      answer: async (questions) => {
        const names = questions.map(({ id, image }) => [id, repositoryName(image)] as const);
        this.asked.push(...names.map(([, name]) => name));
        return new Map(names.map(([id, name]) => [id, this.facts.get(name) ?? signed]));
      },
      contract: async () => ok(undefined),
      ...noPolicyCode,
    };
  }
}

export { signed, unreachable, unsigned };

/** One that runs images by tag, each pulled with the digest of its repository. */
export function runningPod(namespace: string, name: string, ...repositories: readonly string[]): RunningPod {
  const containers = repositories.map((repository, index) => ({ name: `c${index}`, image: `${repository}:1` }));
  const containerStatuses = repositories.map((repository, index) => ({
    name: `c${index}`,
    imageID: `${repository}@${digestFor(repository)}`,
  }));
  const object = { metadata: { name, namespace }, spec: { containers }, status: { containerStatuses } };
  return { namespace, name, uid: `uid of ${name}`, object };
}

export class Cluster implements RunningPods {
  readonly pages = new Map<string, (readonly RunningPod[])[]>();
  /** Namespaces whose Pods cannot be read. */
  readonly unreadable = new Set<string>();
  readonly read: string[] = [];

  add(...pods: readonly RunningPod[]): void {
    for (const pod of pods) this.pages.set(pod.namespace, [...(this.pages.get(pod.namespace) ?? []), [pod]]);
  }

  async namespaces(): ReturnType<RunningPods['namespaces']> {
    return ok([...this.pages.keys()].sort());
  }

  async *pods(namespace: string): ReturnType<RunningPods['pods']> {
    this.read.push(namespace);
    for (const page of this.pages.get(namespace) ?? []) yield ok(page);
    if (this.unreadable.has(namespace)) yield fail(away);
  }
}

export class Reports implements PolicyReports {
  readonly stored = new Map<string, StoredReport>();
  readonly written: string[] = [];
  isServed = true;
  isAway = false;

  report(namespace: string): Report | undefined {
    const stored = this.stored.get(namespace);
    return stored?.kind === 'ours' ? stored.report : undefined;
  }

  /** result, Pod, policy and code of each result. */
  told(namespace: string): readonly string[] | undefined {
    return this.report(namespace)?.results.map(({ result, resources, policy: name, rule = '-' }) =>
      [result, resources[0]?.name, name, rule].join(' '),
    );
  }

  async served(): ReturnType<PolicyReports['served']> {
    if (this.isAway) return fail(away);
    return ok(this.isServed ? 'reports' : undefined);
  }

  async namespaces(): ReturnType<PolicyReports['namespaces']> {
    return ok([...this.stored.keys()]);
  }

  async read(namespace: string): ReturnType<PolicyReports['read']> {
    return ok(this.stored.get(namespace) ?? { kind: 'none' });
  }

  async write(namespace: string, report: Report): ReturnType<PolicyReports['write']> {
    this.written.push(`write ${namespace}`);
    this.stored.set(namespace, { kind: 'ours', version: String(this.written.length), report });
    return ok(undefined);
  }

  async remove(namespace: string): ReturnType<PolicyReports['remove']> {
    this.written.push(`remove ${namespace}`);
    this.stored.delete(namespace);
    return ok(undefined);
  }
}
