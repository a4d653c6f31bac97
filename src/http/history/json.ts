/** Answers of the action history as JSON, with the names of the Data Storage API. */
import type { ActionEffectiveness, ActionFigures } from '../../ports/action-history.ts';

export function printEffectiveness(found: ActionEffectiveness): object {
  const { actionType, engines, assessments, meanScore } = found;
  const byEngine = Object.entries(engines).map(([engine, figures]) => [engine, printFigures(figures)] as const);
  return {
    action_type: actionType,
    ...printFigures(found),
    engines: Object.fromEntries(byEngine),
    assessments,
    ...(meanScore === undefined ? {} : { mean_score: meanScore }),
  };
}

/** What is not known is left out. */
function printFigures(figures: ActionFigures): object {
  const named = {
    runs: figures.runs,
    completed: figures.completed,
    failed: figures.failed,
    success_rate: figures.successRate,
    mean_duration_ms: figures.meanDurationMs,
    p95_duration_ms: figures.p95DurationMs,
    mean_time_to_repair_ms: figures.meanTimeToRepairMs,
  };
  return Object.fromEntries(Object.entries(named).filter(([, value]) => value !== undefined));
}
