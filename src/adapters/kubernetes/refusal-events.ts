/** Refusals as events of those who wait for what was refused: in `kubectl describe job` stands why no Pod comes. */
import { quoted } from '../../kernel/failure.ts';
import type { Decision } from '../../ports/decision-log.ts';
import type { ClusterEvent, Events } from '../../ports/events.ts';
import type { RefusalEvents } from '../../ports/refusal-events.ts';

export function refusalEvents(events: Events): RefusalEvents {
  return {
    refused(about, decision) {
      const reason = reasons[decision.verdict];
      if (reason === undefined) return;
      const told = { type: 'Warning', reason, message: messageOf(decision), key: keyOf(decision) } as const;
      for (const object of about) events.tell({ about: object, ...told });
    },
  };
}

/** `GateUnavailable`: the same request may pass later, and whoever made it tries again. */
const reasons: Readonly<Partial<Record<Decision['verdict'], string>>> = {
  refuse: 'ImageRefused',
  unavailable: 'GateUnavailable',
  error: 'GateFailed',
};

/** An event's message has at most 1,024 characters. */
const maxMessage = 1_000;

function messageOf({ kind = '', name = '', reasons: [first, ...others], correlationId }: Decision): string {
  const end = ` [request ${quoted(correlationId, 64)}]`;
  const what = quoted(`${kind} ${name}`.trim(), 300);
  const image = first?.image === undefined ? '' : `, image ${quoted(first.image, 300)}`;
  const policy = first?.policy === undefined ? '' : `, policy ${quoted(first.policy, 253)}`;
  const more = others.length === 0 ? '' : `, and ${others.length} more`;
  const why =
    first === undefined ? 'refused' : `${first.code}: ${quoted(first.message.replaceAll(/[\r\n]+/g, ' '), 500)}`;
  return `${`${what}: ${why}${image}${policy}${more}`.slice(0, maxMessage - end.length)}${end}`;
}

function keyOf({ reasons: [first] }: Decision): ClusterEvent['key'] {
  return `${first?.code ?? ''} ${first?.image ?? ''}`;
}
