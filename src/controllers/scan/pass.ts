/**
 * One walk over everything that runs, namespace by namespace. It can be broken off at any time and goes on with the
 * namespaces that are left; a namespace whose Pods could not all be read keeps its report.
 */
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { failure, type Failure } from '../../kernel/failure.ts';
import { fail, ok, type Result } from '../../kernel/result.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Logger } from '../../ports/logger.ts';
import type { PolicyReports, Report, ReportSummary, StoredReport } from '../../ports/policy-reports.ts';
import type { PassProgress } from '../../ports/scan-progress.ts';
import type { RunningPod, RunningPods } from '../../ports/running-pods.ts';
import type { PodAuditor } from './audit-pod.ts';
import { added, noSummary, reportWriter, saysTheSame, type ReportWriter } from './decide.ts';

export interface PassPorts {
  readonly pods: RunningPods;
  readonly reports: PolicyReports;
  readonly auditor: PodAuditor;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface Pass {
  /** A failure is the first one, after everything else was tried. Called again, it goes on with what is left. */
  run(signal: AbortSignal): Promise<Result<'complete' | 'broken-off'>>;
  progress(): PassProgress;
  /** Different images that each policy had a say about, by kind/name. */
  matched(): ReadonlyMap<string, number>;
}

export interface PassSettings {
  /** Images that were not met before in this pass; registries are not to notice. */
  readonly imagesPerSecond: number;
  /** Whether reports of namespaces that are looked at no more go away. */
  readonly removesOthers: boolean;
}

export function beginPass(ports: PassPorts, settings: PassSettings): Pass {
  return new Walk(ports, settings);
}

/** Where nobody serves them, or nobody wants them. */
export const noReports: PolicyReports = {
  served: async () => ok(undefined),
  namespaces: async () => ok([]),
  read: async () => ok({ kind: 'none' }),
  write: async () => ok(undefined),
  remove: async () => ok(undefined),
};

interface Counted {
  readonly pods: number;
  readonly summary: ReportSummary;
}

const brokenOff = failure('DEADLINE_EXCEEDED', 'the scan was broken off');

class Walk implements Pass {
  readonly #ports: PassPorts;
  readonly #settings: PassSettings;
  /** By namespace. */
  readonly #done = new Map<string, Counted>();
  readonly #met = new Set<string>();
  readonly #matched = new Map<string, Set<string>>();
  readonly #foreign = new Set<string>();
  #total = 0;
  /** Of the namespace that is being read. */
  #pods = 0;
  #notBefore = 0;

  constructor(ports: PassPorts, settings: PassSettings) {
    this.#ports = ports;
    this.#settings = settings;
  }

  progress(): PassProgress {
    const done = [...this.#done.values()];
    return {
      namespaces: { done: done.length, total: this.#total },
      pods: done.reduce((sum, { pods }) => sum + pods, this.#pods),
      images: this.#met.size,
      summary: done.reduce((sum, { summary }) => added(sum, summary), noSummary),
    };
  }

  matched(): ReadonlyMap<string, number> {
    return new Map([...this.#matched].map(([policy, images]) => [policy, images.size]));
  }

  async run(signal: AbortSignal): Promise<Result<'complete' | 'broken-off'>> {
    const namespaces = await this.#ports.pods.namespaces(signal);
    if (!namespaces.ok) return signal.aborted ? ok('broken-off') : namespaces;
    this.#total = namespaces.value.length;
    let failed: Failure | undefined;
    for (const namespace of namespaces.value.filter((name) => !this.#done.has(name))) {
      const scanned = await this.#namespace(namespace, signal);
      if (signal.aborted) return ok('broken-off');
      if (!scanned.ok) failed ??= scanned.failure;
    }
    if (this.#settings.removesOthers) {
      const removed = await this.#removeOthers(new Set(namespaces.value), signal);
      if (!removed.ok) failed ??= removed.failure;
    }
    return failed === undefined ? ok('complete') : fail(failed);
  }

  async #namespace(namespace: string, signal: AbortSignal): Promise<Result<void>> {
    const { reports, pods, clock } = this.#ports;
    this.#pods = 0;
    const stored = await reports.read(namespace, signal);
    if (!stored.ok) return stored;
    const writer = reportWriter(clock.now(), stored.value.kind === 'ours' ? stored.value.report : undefined);
    for await (const page of pods.pods(namespace, signal)) {
      if (!page.ok) return page;
      for (const pod of page.value) {
        const audited = await this.#pod(pod, writer, signal);
        if (!audited.ok) return audited;
      }
    }
    const report = writer.report();
    const written = await this.#store(namespace, stored.value, report, signal);
    if (!written.ok) return written;
    this.#done.set(namespace, { pods: this.#pods, summary: report?.summary ?? noSummary });
    this.#pods = 0;
    return ok(undefined);
  }

  async #pod(pod: RunningPod, writer: ReportWriter, signal: AbortSignal): Promise<Result<void>> {
    const { auditor } = this.#ports;
    for (const image of auditor.imagesOf(pod)) await this.#pace(image, signal);
    if (signal.aborted) return fail(brokenOff);
    const audited = await auditor.audit(pod, signal);
    // What was cut short says nothing.
    if (signal.aborted) return fail(brokenOff);
    if (audited === undefined) return fail(failure('POLICIES_UNAVAILABLE', 'no policies have been read yet'));
    const { namespace, name, uid } = pod;
    writer.add({ apiVersion: 'v1', kind: 'Pod', namespace, name, uid }, audited.findings);
    for (const { id, policies } of audited.images) {
      for (const policy of policies) this.#count(policy, id);
    }
    this.#pods += 1;
    // Admission requests go first.
    await setImmediate();
    return ok(undefined);
  }

  #count(policy: string, image: string): void {
    const images = this.#matched.get(policy) ?? new Set();
    images.add(image);
    this.#matched.set(policy, images);
  }

  /** Waits before an image that was not met before. */
  async #pace(image: string, signal: AbortSignal): Promise<void> {
    if (this.#met.has(image)) return;
    this.#met.add(image);
    const now = performance.now();
    const wait = this.#notBefore - now;
    this.#notBefore = Math.max(now, this.#notBefore) + 1_000 / this.#settings.imagesPerSecond;
    if (wait > 0) await sleep(wait, undefined, { signal, ref: false }).catch(() => undefined);
  }

  async #store(
    namespace: string,
    stored: StoredReport,
    report: Report | undefined,
    signal: AbortSignal,
  ): Promise<Result<void>> {
    const { reports, log } = this.#ports;
    if (stored.kind === 'foreign') {
      if (!this.#foreign.has(namespace))
        log.warn({ namespace }, 'a report of our name is somebody else’s: left as it is');
      this.#foreign.add(namespace);
      return ok(undefined);
    }
    if (report === undefined) return stored.kind === 'ours' ? reports.remove(namespace, stored, signal) : ok(undefined);
    if (stored.kind === 'ours' && saysTheSame(stored.report, report)) return ok(undefined);
    return reports.write(namespace, report, stored, signal);
  }

  /** Namespaces that have opted out keep no report of what they were. */
  async #removeOthers(scanned: ReadonlySet<string>, signal: AbortSignal): Promise<Result<void>> {
    const { reports } = this.#ports;
    const reported = await reports.namespaces(signal);
    if (!reported.ok) return reported;
    for (const namespace of reported.value.filter((name) => !scanned.has(name))) {
      const stored = await reports.read(namespace, signal);
      if (!stored.ok) return stored;
      if (stored.value.kind !== 'ours') continue;
      const removed = await reports.remove(namespace, stored.value, signal);
      if (!removed.ok) return removed;
    }
    return ok(undefined);
  }
}
