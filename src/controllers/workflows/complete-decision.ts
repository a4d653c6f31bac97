/** Adds to a decision what follows from its status: conditions, records, events; a status that changes nothing is left out. Pure. */
import { stableJson } from '../../kernel/stable-json.ts';
import { withConditions } from '../../workflow/conditions.ts';
import type { ActionRegistry, Workflow, WorkflowStatus } from '../../workflow/model.ts';
import type { Decision } from './decision.ts';
import { eventsOf, recordsOfChange } from './transitions.ts';

export interface Before {
  readonly status: WorkflowStatus;
  /** Absent: it cannot be read. */
  readonly workflow?: Workflow | undefined;
  readonly registry: ActionRegistry;
  readonly generation: number;
  readonly now: Date;
}

export function completeDecision(before: Before, decision: Decision, isRecorded = false): Decision {
  const { status, workflow, registry, generation, now } = before;
  const written = decision.acts.find((act) => act.kind === 'status');
  if (written === undefined) return decision;
  const others = decision.acts.filter((act) => act.kind !== 'status');
  const next = withConditions(written.status, {
    generation,
    now,
    isRecorded: isRecorded || hasNoHistory(written.status),
  });
  if (stableJson(next) === stableJson(status)) return { ...decision, acts: others };
  const records = workflow === undefined ? [] : recordsOfChange(workflow, status, next, registry, now);
  const acts = [...others, ...records, ...eventsOf(status, next), { kind: 'status', status: next } as const];
  return { ...decision, acts };
}

/** Nothing was run without an engine. */
function hasNoHistory({ phase, engine }: WorkflowStatus): boolean {
  return engine === undefined && phase === 'Failed';
}
