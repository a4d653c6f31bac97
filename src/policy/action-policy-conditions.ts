/** What became of an ActionPolicy, for its status: whether it can be read, and which exceptions count no longer. */
import { quoted } from '../kernel/failure.ts';
import type { ActionException } from './action-policy.ts';
import type { PolicyDocument } from './parse-documents.ts';

/** meta/v1 Condition, without its times. */
export interface Condition {
  readonly type: string;
  readonly status: 'True' | 'False';
  readonly reason: string;
  readonly message: string;
}

/** Far below the 32 KiB that meta/v1 has for it. */
const maxMessage = 2_000;

export function actionPolicyConditions(document: PolicyDocument, now: Date): readonly Condition[] {
  switch (document.kind) {
    case 'action-policy':
      return [ready, exceptions(document.policy.exceptions, now)];
    case 'problem':
      return [unreadable(document.messages)];
    case 'policy':
    case 'trust-root':
    case 'secret':
      return [];
  }
}

const ready: Condition = { type: 'Ready', status: 'True', reason: 'InForce', message: 'the policy is in force' };

function unreadable(messages: readonly string[]): Condition {
  const message = quoted(messages.join('; ').replaceAll('\n', ' '), maxMessage);
  return { type: 'Ready', status: 'False', reason: 'Invalid', message };
}

function exceptions(all: readonly ActionException[], now: Date): Condition {
  const expired = all.filter(({ expires }) => expires.getTime() <= now.getTime());
  const type = 'ExceptionsExpired';
  if (expired.length === 0) return { type, status: 'False', reason: 'NoneExpired', message: 'every exception counts' };
  const named = expired.map(({ owner, expires }) => `of ${quoted(owner, 64)} since ${expires.toISOString()}`);
  const message = quoted(`${expired.length} of ${all.length} no longer count: ${named.join(', ')}`, maxMessage);
  return { type, status: 'True', reason: 'Expired', message };
}
