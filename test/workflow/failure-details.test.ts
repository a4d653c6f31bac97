import { describe, expect, test } from 'vitest';
import { failure } from '../../src/kernel/failure.ts';
import { failureDetails, type WhatIsKnown } from '../../src/workflow/failure-details.ts';
import type { PodEnd, PodTrouble, WaitingFor } from '../../src/workflow/pod-trouble.ts';

const failedAt = '2026-01-01T00:00:00Z';
const of = (known: Partial<WhatIsKnown>) => failureDetails({ step: 'scale', workflow: 'w', failedAt, ...known });
const ended = (how: PodEnd, rest: object = {}): { readonly pod: PodTrouble } => ({
  pod: { name: 'p', startedAt: failedAt, ended: { how, reason: 'R', message: 'why', ...rest } },
});
const waiting = (what: WaitingFor, reason = 'R'): { readonly pod: PodTrouble } => ({
  pod: { name: 'p', waiting: { for: what, reason, message: 'why', isPassing: false } },
});

describe('the reason', () => {
  test.each<[string, Partial<WhatIsKnown>, object]>([
    [
      'said outright',
      { said: { reason: 'NameTaken', message: 'taken', advice: 'rename it' } },
      { reason: 'NameTaken', message: 'taken' },
    ],
    [
      'an unsigned image',
      { refusal: failure('SIGNATURE_MISSING', 'none') },
      { reason: 'Forbidden', code: 'SIGNATURE_MISSING', wasExecutionFailure: false },
    ],
    [
      'a contract',
      { refusal: failure('CONTRACT_CONFLICT', 'no') },
      { reason: 'ConfigurationError', code: 'CONTRACT_CONFLICT' },
    ],
    ['inputs', { refusal: failure('INPUT_INVALID', 'no') }, { reason: 'ConfigurationError' }],
    [
      'a registry that is away',
      { refusal: failure('REGISTRY_TIMEOUT', 'late') },
      { reason: 'Unknown', code: 'REGISTRY_TIMEOUT' },
    ],
    [
      'an exit code',
      ended('exited', { exitCode: 3 }),
      { reason: 'TaskFailed', exitCode: 3, wasExecutionFailure: true },
    ],
    ['memory', ended('oom', { exitCode: 137 }), { reason: 'OOMKilled', exitCode: 137 }],
    ['an eviction', ended('lost'), { reason: 'Evicted' }],
    ['a full node', ended('rejected'), { reason: 'ResourceExhausted' }],
    ['a missing entrypoint', ended('not-started'), { reason: 'ConfigurationError' }],
    ['time', ended('timeout'), { reason: 'DeadlineExceeded' }],
    ['an image', waiting('image'), { reason: 'ImagePullBackOff', wasExecutionFailure: false }],
    ['a Secret', waiting('configuration'), { reason: 'ConfigurationError' }],
    ['no room', waiting('capacity'), { reason: 'ResourceExhausted' }],
    ['a claim', waiting('volume'), { reason: 'WorkspaceUnavailable' }],
    [
      'an image until the time was over',
      { condition: { reason: 'DeadlineExceeded', message: '' }, waited: { reason: 'ImagePullBackOff', message: 'x' } },
      { reason: 'ImagePullBackOff' },
    ],
    [
      'no room until the time was over',
      {
        condition: { reason: 'TaskRunTimeout', message: '' },
        waited: { reason: 'Unschedulable', message: '1 Insufficient cpu' },
      },
      { reason: 'ResourceExhausted' },
    ],
    [
      'a claim until the time was over',
      {
        condition: { reason: 'DeadlineExceeded', message: '' },
        waited: { reason: 'Unschedulable', message: 'unbound PersistentVolumeClaims' },
      },
      { reason: 'WorkspaceUnavailable' },
    ],
    [
      'a Secret until the time was over',
      {
        condition: { reason: 'DeadlineExceeded', message: '' },
        waited: { reason: 'CreateContainerConfigError', message: 'x' },
      },
      { reason: 'ConfigurationError' },
    ],
    [
      'time, whatever it waited for before it ran',
      {
        condition: { reason: 'DeadlineExceeded', message: '' },
        pod: { name: 'p', startedAt: failedAt },
        waited: { reason: 'Unschedulable', message: '' },
      },
      { reason: 'DeadlineExceeded' },
    ],
    ["Tekton's cancel", { condition: { reason: 'TaskRunCancelled', message: 'm' } }, { reason: 'Cancelled' }],
    [
      'a Pod that was refused',
      { condition: { reason: 'PodAdmissionFailed', message: 'denied' } },
      { reason: 'Forbidden' },
    ],
    ['an image that is not there', { refusal: failure('IMAGE_NOT_FOUND', 'none') }, { reason: 'ImagePullBackOff' }],
    ['a digest that is none', { refusal: failure('IMAGE_REFERENCE_INVALID', 'none') }, { reason: 'Forbidden' }],
    [
      'a Pod that was deleted',
      { condition: { reason: 'BackoffLimitExceeded', message: 'm' } },
      { reason: 'ExecutionRemoved' },
    ],
    ['a Pod that was never made', waiting('pod'), { reason: 'Forbidden' }],
    [
      'a condition that nobody knows',
      { condition: { reason: 'New', message: 'm' } },
      { reason: 'TaskFailed', message: 'm' },
    ],
    [
      'a condition with a name of Object',
      { condition: { reason: 'constructor', message: 'm' } },
      { reason: 'TaskFailed' },
    ],
    ['nothing at all', {}, { reason: 'Unknown' }],
  ])('%s', (_what, known, wanted) => {
    const details = of(known);
    expect(details).toMatchObject({ failedAt, failedStepName: 'scale', ...wanted });
    expect(details.naturalLanguageSummary).toMatch(/^Step scale of workflow w [^\n]+; [^\n]+[^.]\.$/);
  });
});

test('says what failed, why, and what to do', () => {
  expect(of({ ...waiting('image', 'ErrImagePull'), image: 'r.example/a@sha256:1' }).naturalLanguageSummary).toBe(
    'Step scale of workflow w never ran, because its image r.example/a@sha256:1 cannot be pulled (ErrImagePull: why); check that the image exists and that the pull secrets of its namespace may read it.',
  );
  expect(of({ ...ended('timeout'), timeoutMs: 300_000 }).naturalLanguageSummary).toBe(
    'Step scale of workflow w did not end within 5 min and was stopped; give the step a longer timeout, or find out in its log what it waited for.',
  );
});

test('an action that stands alone is named as such', () => {
  const details = failureDetails({ step: 'scale', failedAt, ...ended('oom') });
  expect(details.naturalLanguageSummary).toMatch(/^Action scale was killed/);
  expect(details.failedStepName).toBeUndefined();
});

test('the words of an image name cannot steer a terminal', () => {
  const details = of({ ...waiting('image'), image: '\u001b[2Jx' });
  expect(details.naturalLanguageSummary).not.toContain('\u001b');
});
