import { describe, expect, test } from 'vitest';
import { isMounting, mountTrouble } from '../../src/workflow/mount-trouble.ts';

const scheduled = { type: 'PodScheduled', status: 'True' };
const waiting = { name: 'agent', state: { waiting: { reason: 'ContainerCreating' } } };

describe('whether a Pod mounts its volumes', () => {
  test.each([
    [{ phase: 'Pending', conditions: [scheduled] }, true],
    [{ phase: 'Pending', conditions: [scheduled], containerStatuses: [waiting] }, true],
    [{ phase: 'Pending', conditions: [scheduled, { type: 'PodReadyToStartContainers', status: 'False' }] }, true],
    [{ phase: 'Pending', conditions: [scheduled, { type: 'PodReadyToStartContainers', status: 'True' }] }, false],
    [{ phase: 'Pending', conditions: [{ type: 'PodScheduled', status: 'False' }] }, false],
    [{ phase: 'Pending', conditions: [scheduled], initContainerStatuses: [{ state: { running: {} } }] }, false],
    [{ phase: 'Pending', conditions: [scheduled], containerStatuses: [{ state: { terminated: {} } }] }, false],
    [{ phase: 'Running', conditions: [scheduled], containerStatuses: [waiting] }, false],
    [{}, false],
    [undefined, false],
  ])('of status %j: %j', (status, is) => {
    expect(isMounting({ status })).toBe(is);
  });
});

describe('what an event says of volumes', () => {
  test.each([
    ['MountVolume.SetUp failed for volume "c" : secret "absent" not found', false],
    ['MountVolume.SetUp failed for volume "c" : configmap "absent" not found', false],
    ['MountVolume.SetUp failed for volume "c" : references non-existent secret key: token', false],
    ['MountVolume.SetUp failed for volume "c" : configmap references non-existent config key: a', false],
    ['MountVolume.SetUp failed for volume "c" : object "team"/"s" not registered', true],
    ['Unable to attach or mount volumes: timed out waiting for the condition', true],
  ])('%s: passes %j', (message, isPassing) => {
    expect(mountTrouble({ reason: 'FailedMount', message })).toEqual({
      for: 'configuration',
      reason: 'FailedMount',
      message,
      isPassing,
    });
  });

  test.each([undefined, { reason: 'FailedScheduling', message: 'secret "a" not found' }])('nothing: %j', (warning) => {
    expect(mountTrouble(warning)).toBeUndefined();
  });
});
