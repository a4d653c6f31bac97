/** Members of core/v1 Pods, as far as we write them. */
import { defined } from '../kernel/defined.ts';
import type { PodSettings } from './model.ts';

export interface EnvVar {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: object;
}

export interface VolumeMount {
  readonly name: string;
  readonly mountPath: string;
  readonly subPath?: string;
  readonly readOnly?: boolean;
}

export interface Volume {
  readonly name: string;
  readonly [source: string]: unknown;
}

export interface Container {
  readonly name: string;
  readonly image: string;
  readonly env: readonly EnvVar[];
  readonly volumeMounts: readonly VolumeMount[];
  readonly [member: string]: unknown;
}

/** The kubelet puts variables in for `$(NAME)`; what somebody has written is to arrive as it was written. */
export function variable(name: string, value: string): EnvVar {
  return { name, value: value.replaceAll('$', '$$$$') };
}

/** `optional`: without the Secret, or the key, there is no variable. */
export function secretVariable(name: string, secret: string, key: string, optional: boolean): EnvVar {
  return { name, valueFrom: { secretKeyRef: { name: secret, key, ...(optional && { optional }) } } };
}

/** Where it runs, and with what. */
export function scheduling(pod: PodSettings): Readonly<Record<string, unknown>> {
  return {
    ...defined('nodeSelector', pod.nodeSelector),
    ...defined('tolerations', pod.tolerations),
    ...defined('affinity', pod.affinity),
    ...defined('runtimeClassName', pod.runtimeClassName),
    ...defined('imagePullSecrets', pod.imagePullSecrets),
  };
}
