/** What is counted. Label values come from closed sets or policy names, never from requests. */
export interface Metrics {
  admission(phase: 'mutate' | 'validate', verdict: string, kind: string, seconds: number): void;
  refusal(code: string, policy: string): void;
  cache(name: 'verdict' | 'tag' | 'contract', outcome: 'hit' | 'miss' | 'stale'): void;
  registryRequest(outcome: string, seconds: number): void;
  decisionLogFailure(): void;
  /** Events for people: `dropped` are those that were too many. */
  clusterEvent(outcome: 'written' | 'dropped' | 'failed'): void;
}
