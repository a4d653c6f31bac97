/** One coordination.k8s.io/v1 Lease: what leader election needs of it, whatever else somebody has written into it. */
import {
  CoordinationV1Api,
  PatchStrategy,
  setHeaderOptions,
  V1MicroTime,
  type KubeConfig,
  type V1Lease,
} from '@kubernetes/client-node';
import { ok, type Result } from '../../kernel/result.ts';
import { boundedCall, type ApiFailure, type CallLimits } from './bounded-call.ts';

export interface LeaseSpec {
  /** Empty: nobody's. */
  readonly holder: string;
  readonly durationSeconds: number;
}

export interface Lease extends LeaseSpec {
  /** Its resourceVersion: another one means that somebody has written. */
  readonly version: string;
  readonly transitions: number;
}

export interface LeaseStore {
  /** Undefined when there is none. */
  read(): Promise<Result<Lease | undefined, ApiFailure>>;
  /** Fails with status 409 when there is one already. */
  create(spec: LeaseSpec): Promise<Result<Lease, ApiFailure>>;
  /** Fails with status 409 when somebody has written since, 404 when it is gone. */
  replace(known: Lease, spec: LeaseSpec): Promise<Result<Lease, ApiFailure>>;
}

export interface LeasePlace {
  readonly kubeConfig: KubeConfig;
  readonly namespace: string;
  readonly name: string;
  readonly deadlineMs: number;
}

export function kubernetesLease({ kubeConfig, namespace, name, deadlineMs }: LeasePlace): LeaseStore {
  const api = kubeConfig.makeApiClient(CoordinationV1Api);
  const limits: CallLimits = { deadlineMs, maxBytes: 1024 * 1024 };
  const labels = { 'app.kubernetes.io/name': 'countersign', 'app.kubernetes.io/part-of': 'countersign' };

  return {
    async read() {
      const answer = await boundedCall(`read Lease ${namespace}/${name}`, limits, (call) =>
        api.readNamespacedLease({ namespace, name }, call),
      );
      if (!answer.ok) return answer.failure.status === 404 ? ok(undefined) : answer;
      return ok(leaseOf(answer.value));
    },

    async create(spec) {
      const times = { acquireTime: new V1MicroTime(), renewTime: new V1MicroTime() };
      const body: V1Lease = { metadata: { name, labels }, spec: { ...wire(spec), leaseTransitions: 0, ...times } };
      const answer = await boundedCall(`create Lease ${namespace}/${name}`, limits, (call) =>
        api.createNamespacedLease({ namespace, body }, call),
      );
      return answer.ok ? ok(leaseOf(answer.value)) : answer;
    },

    async replace(known, spec) {
      const now = new V1MicroTime().toISOString();
      const isTaken = spec.holder !== known.holder;
      const taken = isTaken ? { acquireTime: now, leaseTransitions: known.transitions + 1 } : {};
      const body = {
        // In a merge patch it is a precondition; what others have put into metadata stays.
        metadata: { resourceVersion: known.version },
        spec: { ...wire(spec), renewTime: now, ...taken },
      };
      const answer = await boundedCall(`write Lease ${namespace}/${name}`, limits, (call) =>
        api.patchNamespacedLease(
          { namespace, name, body },
          setHeaderOptions('Content-Type', PatchStrategy.MergePatch, call),
        ),
      );
      return answer.ok ? ok(leaseOf(answer.value)) : answer;
    },
  };
}

function wire({ holder, durationSeconds }: LeaseSpec) {
  return { holderIdentity: holder, leaseDurationSeconds: durationSeconds };
}

/** Its times are other clocks' times, and are not looked at. */
function leaseOf({ metadata, spec }: V1Lease): Lease {
  return {
    version: metadata?.resourceVersion ?? '',
    holder: spec?.holderIdentity ?? '',
    durationSeconds: spec?.leaseDurationSeconds ?? 0,
    transitions: spec?.leaseTransitions ?? 0,
  };
}
