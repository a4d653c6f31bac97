/** What an Agent says of its Pods. But for labels it goes into the Pod as it is: the API server judges it. */
import { defined } from '../kernel/defined.ts';
import { asRecord } from '../kernel/strict-json.ts';
import { shown, type Members } from '../workflow/fields.ts';
import type { PodSettings } from './model.ts';
import { readLabels } from './parse-labels.ts';
import { objectName } from './rules.ts';

/** Of KubeOpenCode: all in spec.podSpec, but for the secrets to pull with. */
export function readPodSpec(spec: Members): PodSettings {
  const podSpec = spec.object('podSpec');
  return {
    labels: readLabels(podSpec, 'labels'),
    ...readScheduling(podSpec),
    ...defined('runtimeClassName', podSpec.text('runtimeClassName', objectName)),
    ...defined('resources', podSpec.raw('resources')),
    ...defined('imagePullSecrets', spec.raw('imagePullSecrets')),
    ...readSecurity(podSpec),
  };
}

/** Of KubeTask: next to everything else. */
export function readKubeTaskPod(spec: Members): PodSettings {
  return {
    labels: readLabels(spec, 'podLabels'),
    ...readScheduling(spec),
    ...defined('resources', spec.raw('resources')),
    ...defined('imagePullSecrets', spec.raw('imagePullSecrets')),
    ...readSecurity(spec),
  };
}

function readScheduling(members: Members): Pick<PodSettings, 'nodeSelector' | 'tolerations' | 'affinity'> {
  const scheduling = members.object('scheduling');
  return {
    ...defined('nodeSelector', scheduling.raw('nodeSelector')),
    ...defined('tolerations', scheduling.raw('tolerations')),
    ...defined('affinity', scheduling.raw('affinity')),
  };
}

function readSecurity(members: Members): Pick<PodSettings, 'securityContext' | 'podSecurityContext'> {
  return {
    ...defined('securityContext', readMapping(members, 'securityContext')),
    ...defined('podSecurityContext', readMapping(members, 'podSecurityContext')),
  };
}

function readMapping(members: Members, field: string): Readonly<Record<string, unknown>> | undefined {
  const value = members.raw(field);
  if (value === undefined) return undefined;
  if (asRecord(value) === undefined) members.complain(field, `is ${shown(value)}; write a mapping`);
  return asRecord(value);
}
