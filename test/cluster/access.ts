import { inject } from 'vitest';

// Suites are declared with describe.runIf(hasCluster) or describe.runIf(hasNode); setup.ts says loudly what is missing.
const facts = inject('cluster');

export const hasCluster = facts.kubeconfig !== undefined;
export const hasNode = hasCluster && facts.withoutNode === undefined;
/** Of a user with all rights. */
export const kubeconfig = facts.kubeconfig ?? '';
