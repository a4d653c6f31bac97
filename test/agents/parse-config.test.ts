import { describe, expect, test } from 'vitest';
import { parseSystemConfig } from '../../src/agents/parse-config.ts';
import { sampleOf } from './documents.ts';

const defaults = { systemImage: 'registry.example/countersign@sha256:x' };
const config = (spec: object): unknown => ({ metadata: { namespace: 'n', name: 'default' }, spec });
const usual = { systemImage: { image: defaults.systemImage, imagePullPolicy: 'IfNotPresent' }, allowedUrlHosts: [] };

test('what the design document shows is taken', () => {
  expect(parseSystemConfig(sampleOf('kubeopencode', 'config.yaml KubeOpenCodeConfig'), defaults)).toEqual({
    ok: true,
    value: {
      systemImage: { image: 'quay.io/kubeopencode/kubeopencode:latest', imagePullPolicy: 'Always' },
      allowedUrlHosts: [],
      ttlSecondsAfterFinished: 3600,
      maxRetainedTasks: 100,
    },
  });
});

test.each([undefined, config({}), config({ systemImage: { image: '' }, cleanup: null }), {}])(
  '%j has the defaults',
  (object) => {
    expect(parseSystemConfig(object, defaults)).toEqual({ ok: true, value: usual });
  },
);

test('0 is a limit', () => {
  const cleanup = { ttlSecondsAfterFinished: 0, maxRetainedTasks: 0 };
  expect(parseSystemConfig(config({ cleanup, allowedUrlHosts: ['git.corp', '10.0.0.0/8'] }), defaults)).toEqual({
    ok: true,
    value: { ...usual, ...cleanup, allowedUrlHosts: ['git.corp', '10.0.0.0/8'] },
  });
});

describe('what makes no sense is refused', () => {
  const bad: readonly (readonly [object, string])[] = [
    [{ systemImage: 'a' }, 'spec.systemImage: is no object; write a mapping'],
    [{ systemImage: { image: 'a b' } }, 'spec.systemImage.image: is "a b"'],
    [
      { systemImage: { imagePullPolicy: 'always' } },
      'spec.systemImage.imagePullPolicy: is "always"; write IfNotPresent, Always, Never',
    ],
    [
      { cleanup: { ttlSecondsAfterFinished: -1 } },
      'spec.cleanup.ttlSecondsAfterFinished: is -1; write a whole number from 0',
    ],
    [{ cleanup: { ttlSecondsAfterFinished: '1h' } }, 'spec.cleanup.ttlSecondsAfterFinished: is "1h"'],
    [{ cleanup: { maxRetainedTasks: 1.5 } }, 'spec.cleanup.maxRetainedTasks: is 1.5'],
    [{ allowedUrlHosts: 'all' }, 'spec.allowedUrlHosts: is "all"; write a list'],
    [{ allowedUrlHosts: [5] }, 'spec.allowedUrlHosts[0]: is 5'],
  ];
  test.each(bad)('%j', (spec, message) => {
    expect(parseSystemConfig(config(spec), defaults)).toEqual({
      ok: false,
      failure: {
        reason: 'PodCreationError',
        message: expect.stringContaining(`KubeOpenCodeConfig "n/default": ${message}`),
      },
    });
  });
});
