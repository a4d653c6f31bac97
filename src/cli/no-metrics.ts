import type { Metrics } from '../ports/metrics.ts';

/** For commands that end: there is nobody to ask them for numbers. */
export const noMetrics: Metrics = {
  admission: () => undefined,
  refusal: () => undefined,
  cache: () => undefined,
  registryRequest: () => undefined,
  decisionLogFailure: () => undefined,
  clusterEvent: () => undefined,
};
