import { describe, expect, test } from 'vitest';
import fc from 'fast-check';
import { troubleOfPod } from '../../src/workflow/pod-trouble.ts';

const podOf = (status: object): object => ({ metadata: { name: 'scale-x' }, status });
const waits = (reason: string, message = '', name = 'action'): object =>
  podOf({ phase: 'Pending', containerStatuses: [{ name, state: { waiting: { reason, message } } }] });
const ran = { startedAt: '2026-01-01T00:00:01Z', finishedAt: '2026-01-01T00:00:05Z' };
const ends = (terminated: object, phase = 'Failed', rest: object = {}): object =>
  podOf({ phase, containerStatuses: [{ name: 'action', state: { terminated: { ...ran, ...terminated } } }], ...rest });
const disrupted = {
  conditions: [{ type: 'DisruptionTarget', status: 'True', reason: 'PreemptionByScheduler', message: 'preempted' }],
};
const unscheduled = (message: string): object =>
  podOf({
    phase: 'Pending',
    conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message }],
  });

describe('what a Pod waits for', () => {
  test.each([
    ['an image', waits('ImagePullBackOff', 'Back-off pulling image "x"'), 'image', false],
    ['an image that is not there', waits('ErrImagePull', 'x: not found'), 'image', false],
    ['a name that is none', waits('InvalidImageName', 'bad'), 'image', false],
    [
      'a registry that is down',
      waits('ErrImagePull', 'unexpected status from HEAD request to https://r/v2: 503 Service Unavailable'),
      'image',
      true,
    ],
    ['a registry that nobody reaches', waits('RegistryUnavailable', ''), 'image', true],
    ['a Secret', waits('CreateContainerConfigError', 'secret "token" not found'), 'configuration', false],
    [
      "Tekton's step",
      waits('CreateContainerConfigError', 'configmap "c" not found', 'step-execute'),
      'configuration',
      false,
    ],
    ["another container's image", waits('ImagePullBackOff', '', 'prepare'), 'image', false],
    ['room', unscheduled('0/1 nodes are available: 1 Insufficient cpu.'), 'capacity', false],
    ['a claim to be bound', unscheduled('pod has unbound immediate PersistentVolumeClaims'), 'volume', false],
    ['a claim that is not there', unscheduled('persistentvolumeclaim "w" not found'), 'volume', false],
  ])('%s', (_what, pod, wanted, isPassing) => {
    expect(troubleOfPod(pod)).toMatchObject({ name: 'scale-x', waiting: { for: wanted, isPassing } });
    expect(troubleOfPod(pod).ended).toBeUndefined();
  });

  test.each([
    ['a container that is being made', waits('ContainerCreating')],
    [
      'a container that runs',
      podOf({ phase: 'Running', containerStatuses: [{ name: 'action', state: { running: ran } }] }),
    ],
    ['a Pod that nobody has looked at yet', podOf({ phase: 'Pending' })],
    ['a Pod that was scheduled', podOf({ phase: 'Pending', conditions: [{ type: 'PodScheduled', status: 'True' }] })],
  ])('nothing: %s', (_what, pod) => {
    expect(troubleOfPod(pod).waiting).toBeUndefined();
  });
});

describe('how a Pod ended', () => {
  test.each([
    ['well', ends({ exitCode: 0, reason: 'Completed' }, 'Succeeded'), { how: 'succeeded', exitCode: 0 }],
    ['well, although it was to be evicted', ends({ exitCode: 0 }, 'Succeeded', disrupted), { how: 'succeeded' }],
    [
      'by itself',
      ends({ exitCode: 3, reason: 'Error', message: 'no such\nfile' }),
      { how: 'exited', exitCode: 3, message: 'no such | file', at: ran.finishedAt },
    ],
    ['out of memory', ends({ exitCode: 137, reason: 'OOMKilled' }), { how: 'oom', exitCode: 137 }],
    [
      'evicted',
      ends({ exitCode: 137 }, 'Failed', { reason: 'Evicted', message: 'low on memory' }),
      { how: 'lost', reason: 'Evicted', message: 'low on memory' },
    ],
    [
      'preempted',
      ends({ exitCode: 143 }, 'Failed', disrupted),
      { how: 'lost', reason: 'PreemptionByScheduler', message: 'preempted' },
    ],
    ['with its node', ends({ exitCode: 137, reason: 'ContainerStatusUnknown' }), { how: 'lost' }],
    [
      'turned away',
      podOf({ phase: 'Failed', reason: 'OutOfcpu', message: 'Node did not have enough' }),
      { how: 'rejected' },
    ],
    ['late', podOf({ phase: 'Failed', reason: 'DeadlineExceeded' }), { how: 'timeout' }],
    [
      'for a reason that it alone knows',
      podOf({ phase: 'Failed', reason: 'Strange' }),
      { how: 'exited', reason: 'Strange' },
    ],
  ])('%s', (_what, pod, wanted) => {
    expect(troubleOfPod(pod).ended).toMatchObject(wanted);
  });

  test('has not begun to run when its entrypoint is not there', () => {
    const pod = ends({
      exitCode: 128,
      reason: 'StartError',
      message: 'exec: "/x": no such file',
      startedAt: '1970-01-01T00:00:00Z',
    });
    expect(troubleOfPod(pod)).toMatchObject({ ended: { how: 'not-started' } });
    expect(troubleOfPod(pod).startedAt).toBeUndefined();
  });

  test('is told by an init container that failed before', () => {
    const init = { name: 'prepare', state: { terminated: { exitCode: 1, reason: 'Error', message: 'm' } } };
    const pod = podOf({
      phase: 'Failed',
      initContainerStatuses: [init],
      containerStatuses: [{ name: 'step-execute', state: { waiting: { reason: 'PodInitializing' } } }],
    });
    expect(troubleOfPod(pod)).toMatchObject({ ended: { how: 'not-started', message: 'm' } });
  });

  test('is open while it is only going to be evicted', () => {
    const pod = podOf({
      phase: 'Running',
      ...disrupted,
      containerStatuses: [{ name: 'action', state: { running: ran } }],
    });
    expect(troubleOfPod(pod)).toStrictEqual({ name: 'scale-x', startedAt: ran.startedAt });
  });

  test('is cut, without what steers a terminal', () => {
    const { ended } = troubleOfPod(ends({ exitCode: 1, message: `\u001b[31m${'x'.repeat(5_000)}` }));
    expect(ended?.message).toMatch(/^\\u\{1b\}\[31mx+…$/);
    expect(ended?.message.length).toBeLessThan(1_100);
  });
});

test('nothing that may stand for a Pod makes it throw', () => {
  const key = fc.constantFrom(
    'status',
    'containerStatuses',
    'state',
    'terminated',
    'waiting',
    'conditions',
    'phase',
    'reason',
  );
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof(
      { depthSize: 'small' },
      fc.string(),
      fc.integer(),
      fc.constant(null),
      fc.array(tie('tree')),
      fc.dictionary(key, tie('tree')),
    ),
  }));
  fc.assert(fc.property(tree, (pod) => typeof troubleOfPod(pod).name === 'string'));
});

test("results that Tekton keeps in the message of a step are no message, and another program's words are", () => {
  const stepEnds = (message: string): object =>
    podOf({
      phase: 'Failed',
      containerStatuses: [{ name: 'step-execute', state: { terminated: { ...ran, exitCode: 1, message } } }],
    });
  const results = '[{"key":"outputs","value":"","type":1},{"key":"StartedAt","value":"x","type":3}]';
  expect(troubleOfPod(stepEnds(results)).ended).toMatchObject({ exitCode: 1, message: '' });
  expect(troubleOfPod(stepEnds('no such file')).ended?.message).toBe('no such file');
  expect(troubleOfPod(ends({ exitCode: 1, message: results })).ended?.message).toBe(results);
});
