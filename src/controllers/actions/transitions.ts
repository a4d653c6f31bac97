/** What is told of an action in events: whatever its status says now and did not say before. Pure. */
import type { ActionStatus } from '../../workflow/model.ts';
import type { Told } from '../runtime/tell.ts';

export function eventsOf(before: ActionStatus, after: ActionStatus): readonly Told[] {
  const isNewJob = after.jobUID !== undefined && after.jobUID !== before.jobUID;
  return [...(isNewJob ? started(after) : []), ...waits(before, after), ...arrived(before, after)];
}

function started({ image = '', executionName = '', conditions }: ActionStatus): readonly Told[] {
  const verified = conditions.find(({ type, status }) => type === 'Verified' && status === 'True');
  const job: Told = { type: 'Normal', reason: 'JobCreated', message: `Job ${executionName} created` };
  if (verified === undefined) return [job];
  return [{ type: 'Normal', reason: 'ActionVerified', message: `${image}: ${verified.message}` }, job];
}

function waits({ waiting: before }: ActionStatus, { waiting: after, message = '' }: ActionStatus): readonly Told[] {
  if (after === undefined || after.reason === before?.reason) return [];
  return [{ type: 'Warning', reason: 'ActionWaiting', message }];
}

function arrived(before: ActionStatus, { phase, message = '', retryAt }: ActionStatus): readonly Told[] {
  if (retryAt !== undefined && retryAt !== before.retryAt)
    return [{ type: 'Warning', reason: 'ActionRetried', message }];
  if (phase === before.phase) return [];
  switch (phase) {
    case 'Completed':
      return [{ type: 'Normal', reason: 'ActionCompleted', message }];
    case 'Failed':
      return [{ type: 'Warning', reason: 'ActionFailed', message }];
    case 'Cancelled':
      return [{ type: 'Normal', reason: 'ActionCancelled', message }];
    case '':
    case 'Pending':
    case 'Running':
      return [];
  }
}
