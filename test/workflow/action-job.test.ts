import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { actionJob, actionTemplate, jobName, timeoutOf, workspaceProblem } from '../../src/workflow/action-job.ts';
import type { Action } from '../../src/workflow/model.ts';
import { contractWith } from '../contract/kit.ts';

const image = `r.example/actions/scale@sha256:${'1'.repeat(64)}`;
const action: Action = {
  apiVersion: 'execution.kubernaut.ai/v1alpha1',
  kind: 'ActionExecution',
  namespace: 'team',
  name: 'fix-scale',
  uid: 'u1',
  generation: 1,
  resourceVersion: '1',
  actionType: 'kubernetes/scale_deployment',
  image,
  verification: 'strict',
  inputs: { replicas: 10 },
  cancel: false,
  workflow: 'fix',
  step: 'scale',
  isDeleted: false,
};
const withWorkspace: Action = { ...action, workspaceClaim: 'fix-workspace' };
const jobOf = (of: Action, attempt = 1): Record<string, unknown> => ({
  ...actionJob(of, actionTemplate(of, image), { attempt, timeoutMs: 90_500 }),
});

describe('the Job of an action', () => {
  test('is this one', () => {
    const labels = {
      'app.kubernetes.io/name': 'kubernaut-action',
      'kubernaut.io/workflow': 'fix',
      'kubernaut.io/step': 'scale',
      'kubernaut.io/action': 'kubernetes.scale_deployment',
      'countersign.dev/engine': 'job',
    };
    const annotations = { 'kubernaut.io/action-type': 'kubernetes/scale_deployment' };
    expect(jobOf(action)).toStrictEqual({
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: {
        name: 'fix-scale',
        namespace: 'team',
        labels,
        annotations,
        ownerReferences: [
          {
            apiVersion: 'execution.kubernaut.ai/v1alpha1',
            kind: 'ActionExecution',
            name: 'fix-scale',
            uid: 'u1',
            controller: true,
            blockOwnerDeletion: true,
          },
        ],
      },
      spec: {
        backoffLimit: 0,
        podFailurePolicy: {
          rules: [{ action: 'FailJob', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] }],
        },
        activeDeadlineSeconds: 91,
        ttlSecondsAfterFinished: 604_800,
        template: {
          metadata: { labels, annotations },
          spec: {
            restartPolicy: 'Never',
            enableServiceLinks: false,
            containers: [
              {
                name: 'action',
                image,
                imagePullPolicy: 'IfNotPresent',
                env: [
                  { name: 'ACTION_INPUTS', value: '{"replicas":10}' },
                  { name: 'ACTION_TYPE', value: 'kubernetes/scale_deployment' },
                ],
                terminationMessagePolicy: 'FallbackToLogsOnError',
              },
            ],
          },
        },
      },
    });
  });

  test('has the workspace only when it is asked for', () => {
    expect(jobOf(withWorkspace)).toMatchObject({
      spec: {
        template: {
          spec: {
            securityContext: { fsGroup: 65_532, fsGroupChangePolicy: 'OnRootMismatch' },
            volumes: [{ name: 'workspace', persistentVolumeClaim: { claimName: 'fix-workspace' } }],
            containers: [
              {
                env: [{}, {}, { name: 'WORKSPACE_PATH', value: '/workspace' }],
                volumeMounts: [{ name: 'workspace', mountPath: '/workspace' }],
              },
            ],
          },
        },
      },
    });
    expect(JSON.stringify(jobOf(action))).not.toMatch(/workspace|volume/i);
  });

  test('has inputs even when there are none, so that the entrypoint does not wait for its standard input', () => {
    expect(JSON.stringify(jobOf({ ...action, inputs: {} }))).toContain('{"name":"ACTION_INPUTS","value":"{}"}');
  });

  test('of an action without a type says nothing of it', () => {
    const { actionType: _, ...untyped } = action;
    expect(JSON.stringify(jobOf(untyped))).not.toMatch(/ACTION_TYPE|action-type|kubernaut.io\/action"/);
  });

  test('lives at least a second', () => {
    const given = { attempt: 1, timeoutMs: 1 };
    expect(actionJob(action, actionTemplate(action, image), given)).toMatchObject({
      spec: { activeDeadlineSeconds: 1 },
    });
  });
});

describe('the name of a Job', () => {
  test.each([
    [1, 'fix-scale'],
    [2, 'fix-scale.retry1'],
    [4, 'fix-scale.retry3'],
  ])('of attempt %i', (attempt, name) => {
    expect(jobName(action, attempt)).toBe(name);
  });

  test('is short enough, and another one for each attempt', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z0-9][-a-z0-9]{0,61}[a-z0-9]$/), (name) => {
        const given = [1, 2, 3, 10].map((attempt) => jobName({ name }, attempt));
        expect(given.every((one) => /^[a-z0-9]([-a-z0-9.]{0,61}[a-z0-9])?$/.test(one))).toBe(true);
        // Names of actions have no dots.
        expect(given.slice(1).every((one) => one.includes('.'))).toBe(true);
        expect(new Set(given).size).toBe(4);
      }),
    );
  });
});

test('labels are valid whatever the type is', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,120}\/[A-Za-z0-9]{1,120}$/), (actionType) => {
      const { labels = {} } = actionJob({ ...action, actionType }, actionTemplate(action, image), {
        attempt: 1,
        timeoutMs: 1,
      }).metadata;
      expect(labels['kubernaut.io/action']).toMatch(/^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/);
    }),
  );
});

test('the time of an action is its own, else that of its contract, else the setting', () => {
  const settings = { stepTimeoutMs: 3 };
  expect(timeoutOf({ timeoutMs: 1 }, { timeoutMs: 2 }, settings)).toBe(1);
  expect(timeoutOf({}, { timeoutMs: 2 }, settings)).toBe(2);
  expect(timeoutOf({}, {}, settings)).toBe(3);
  expect(timeoutOf({}, undefined, settings)).toBe(3);
});

test.each([
  ['required', true, /^none$/],
  ['required', false, /requires a workspace and the step has none; write usesWorkspace: true/],
  ['optional', true, /^none$/],
  ['optional', false, /^none$/],
  ['none', false, /^none$/],
  ['none', true, /uses no workspace and the step gives it one/],
])('a contract with workspace %s, and a step that uses one: %s', (workspace, uses, wanted) => {
  const problem = workspaceProblem(contractWith({ workspace }), uses);
  expect(problem ?? 'none').toMatch(wanted);
});
