/** Fields that a step and an ActionExecution have in common. */
import type { TextRule } from './fields.ts';

export const maxRetries = 10;

/** `kubernetes/scale_deployment` */
export const actionType: TextRule = {
  maxLength: 253,
  pattern: /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?(?:\/[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)*$/,
  expected: 'letters, digits, ".", "_" and "-", in parts that "/" separates, such as kubernetes/scale_deployment',
};

/** Whether it is an image is found out when it is proven; nothing here may be read as a reference by Tekton or the kubelet. */
export const image: TextRule = {
  maxLength: 1024,
  pattern: /^[^\s$\p{Cc}\p{Cf}\p{Cs}]+$/u,
  expected: 'an image by digest, REPOSITORY@sha256:…, without spaces and "$"',
};
