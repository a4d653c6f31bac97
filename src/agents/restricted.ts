/**
 * Who the containers of Tasks and servers may be: what the Pod security standard `restricted` asks for, unless their Agent
 * says otherwise. Users are those of the images. Pure.
 */
import type { PodSettings } from './model.ts';

type Members = Readonly<Record<string, unknown>>;

const seccompProfile = { type: 'RuntimeDefault' };

const restrictedContainer: Members = {
  allowPrivilegeEscalation: false,
  capabilities: { drop: ['ALL'] },
  runAsNonRoot: true,
  seccompProfile,
};
const restrictedPod: Members = { runAsNonRoot: true, seccompProfile };
/** Files of Secrets belong to root, and by default nobody else may read them: whoever is not root needs a group. */
const secretsGroup = 65_532;

/** Of each container. */
export function containerSecurity({ securityContext }: PodSettings): Members {
  return securityContext ?? restrictedContainer;
}

export function podSecurity({ podSecurityContext }: PodSettings, hasSecretFiles: boolean): Members {
  if (podSecurityContext !== undefined) return podSecurityContext;
  return hasSecretFiles ? { ...restrictedPod, fsGroup: secretsGroup } : restrictedPod;
}
