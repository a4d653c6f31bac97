import { failure, type Failure } from '../kernel/failure.ts';
import { fail, type Result } from '../kernel/result.ts';
import type { Decision, DecisionLog } from '../ports/decision-log.ts';
import type { Logger } from '../ports/logger.ts';
import type { Metrics } from '../ports/metrics.ts';
import { settleWithin } from './deadline.ts';
import { quietly } from './quietly.ts';

export interface RecorderPorts {
  readonly decisionLog: DecisionLog;
  readonly metrics: Pick<Metrics, 'decisionLogFailure'>;
  readonly log: Logger;
}

/** A disk that takes longer is as good as full: the API server would not wait for the answer. */
const appendMs = 2_000;

const unrecorded = failure(
  'DECISION_LOG_UNAVAILABLE',
  'the decision could not be recorded; the request can be tried again',
  5,
);
const late = failure(
  'DECISION_LOG_UNAVAILABLE',
  'the decision was not recorded in time; the request can be tried again',
  5,
);

/** Hands a decision to the log, and gives the failure if there is one; counted and logged, never thrown. */
export async function record(ports: RecorderPorts, decision: Decision): Promise<Failure | undefined> {
  const appended = await settleWithin(appendMs, append(ports, decision), () => fail(late));
  if (appended.ok) return undefined;
  const { correlationId } = decision;
  quietly(() => ports.metrics.decisionLogFailure());
  quietly(() => ports.log.error({ correlationId, reason: appended.failure.message }, 'decision not recorded'));
  return appended.failure;
}

async function append({ decisionLog, log }: RecorderPorts, decision: Decision): Promise<Result<void>> {
  try {
    return await decisionLog.append(decision);
  } catch (error) {
    quietly(() => log.error({ err: error }, 'decision log failed unexpectedly'));
    return fail(unrecorded);
  }
}
