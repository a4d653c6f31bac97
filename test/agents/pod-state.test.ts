import { describe, expect, test } from 'vitest';
import { podState } from '../../src/agents/pod-state.ts';

const asked = '2026-01-01T00:00:30Z';
const going = { deletionTimestamp: '2026-01-01T00:01:00Z', deletionGracePeriodSeconds: 30 };

function pod(status: object, metadata: object = {}) {
  const own = { name: 'fix-pod', namespace: 'team', uid: 'p', resourceVersion: '1' };
  return { apiVersion: 'v1', kind: 'Pod', metadata: { ...own, ...metadata }, status };
}

function exited(exitCode: number, finishedAt = '2026-01-01T00:00:10Z', more: object = {}) {
  const terminated = {
    exitCode,
    reason: exitCode === 0 ? 'Completed' : 'Error',
    finishedAt,
    startedAt: finishedAt,
    ...more,
  };
  const phase = exitCode === 0 ? 'Succeeded' : 'Failed';
  return { phase, containerStatuses: [{ name: 'agent', state: { terminated } }] };
}

describe('a Pod has done its work', () => {
  test.each([
    ['when its agent has ended well', pod(exited(0)), '2026-01-01T00:00:10Z'],
    ['when it had, and was removed then', pod(exited(0), going), '2026-01-01T00:00:10Z'],
    ['when nobody says more than that it has', pod({ phase: 'Succeeded' }), undefined],
    [
      'when a sidecar of somebody else runs on',
      pod({ ...exited(0), phase: 'Running', containerStatuses: [{ name: 'mesh' }, ...exited(0).containerStatuses] }),
      '2026-01-01T00:00:10Z',
    ],
  ])('%s', (_, given, at) => {
    expect(podState(given).ended).toEqual(at === undefined ? {} : { at });
  });
});

describe('a Pod has failed', () => {
  test.each([
    ['by its agent', pod(exited(3)), 'AgentFailed', 'exit code 3'],
    ['by its memory', pod(exited(137, asked, { reason: 'OOMKilled' })), 'OOMKilled', 'memory'],
    [
      'by its memory, though it was to go',
      pod(exited(137, asked, { reason: 'OOMKilled' }), going),
      'OOMKilled',
      'memory',
    ],
    ['by who removed it', pod(exited(143, '2026-01-01T00:00:31Z'), going), 'PodLost', 'was removed'],
    [
      'by who removed it, whatever it said to that',
      pod(exited(0, '2026-01-01T00:00:31Z'), going),
      'PodLost',
      'removed',
    ],
    ['by who removed it, within a second', pod(exited(0, asked), going), 'PodLost', 'removed'],
    ['by itself, before somebody removed it', pod(exited(3), going), 'AgentFailed', 'exit code 3'],
    [
      'by its entrypoint',
      pod(exited(127, asked, { reason: 'StartError', message: 'no such file' })),
      'ConfigurationError',
      'no such file',
    ],
    ['by its node', pod({ phase: 'Failed', reason: 'NodeShutdown', message: 'bye' }), 'NodeLost', 'NodeShutdown'],
    ['by a node without room', pod({ phase: 'Failed', reason: 'OutOfcpu', message: '' }), 'NodeLost', 'OutOfcpu'],
  ])('%s', (_, given, reason, says) => {
    const { problem } = podState(given).ended ?? {};
    expect(problem?.reason).toBe(reason);
    expect(problem?.message).toContain(says);
  });

  test('by an init container, whose last words are passed on without what steers a terminal', () => {
    const terminated = { exitCode: 128, reason: 'Error', message: `${'x'.repeat(2_000)}\nfatal: \u001b[2Jno` };
    const { problem } =
      podState(
        pod({
          phase: 'Failed',
          initContainerStatuses: [{ name: 'git-init-0', state: { terminated } }],
          containerStatuses: [{ name: 'agent', state: { waiting: { reason: 'PodInitializing' } } }],
        }),
      ).ended ?? {};
    expect(problem?.reason).toBe('InitFailed');
    expect(problem?.message).toContain('init container git-init-0 of Pod team/fix-pod failed with exit code 128');
    expect(problem?.message).toContain('fatal: \\u{1b}[2Jno');
    expect(problem?.message.length).toBeLessThan(800);
  });
});

test('a Pod that runs, or waits, has not ended', () => {
  const running = {
    phase: 'Running',
    containerStatuses: [{ name: 'agent', state: { running: { startedAt: asked } } }],
  };
  expect(podState(pod(running))).toMatchObject({ hasStarted: true });
  const waiting = { reason: 'ErrImagePull', message: 'not found' };
  const waits = podState(pod({ phase: 'Pending', containerStatuses: [{ name: 'agent', state: { waiting } }] }));
  expect(waits).toMatchObject({ hasStarted: false, waiting: { for: 'image', isPassing: false } });
  expect([waits.ended, podState(pod(running, going)).goneBy]).toEqual([undefined, going.deletionTimestamp]);
});
