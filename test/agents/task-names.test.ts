import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { taskNames } from '../../src/agents/task-names.ts';
import { agent } from './workspace-work.ts';

const task = { namespace: 'team', name: 'fix', uid: 'u-1', createdAt: '2026-01-01T00:00:00Z' };
const atHome = { ...agent, namespace: 'team' };
const subdomain = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/;

describe('names of what a Task has', () => {
  test('are its own name in its own namespace, with itself as the owner', () => {
    expect(taskNames({ task, agent: atHome }, 'plain')).toEqual({
      namespace: 'team',
      pod: 'fix-pod',
      configMap: 'fix-context',
      log: 'fix-log',
      owner: {
        apiVersion: 'kubeopencode.io/v1alpha1',
        kind: 'Task',
        name: 'fix',
        uid: 'u-1',
        controller: true,
        blockOwnerDeletion: true,
      },
    });
  });

  test('have its namespace in them elsewhere, and no owner', () => {
    const names = taskNames({ task, agent }, 'plain');
    expect(names).toEqual({
      namespace: 'agents',
      pod: 'team-fix-pod',
      configMap: 'team-fix-context',
      log: 'team-fix-log',
    });
  });

  test('are different in the hashed variant for Tasks whose plain names are the same', () => {
    const other = { ...task, namespace: 'team-fix', name: 'it' };
    const one = { ...task, namespace: 'team', name: 'fix-it' };
    expect(taskNames({ task: one, agent }, 'plain').pod).toBe(taskNames({ task: other, agent }, 'plain').pod);
    expect(taskNames({ task: one, agent }, 'hashed').pod).not.toBe(taskNames({ task: other, agent }, 'hashed').pod);
  });

  test('are names, however long those of the Task are, and end in what they are', () => {
    const part = fc.stringMatching(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/);
    const name = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('.').slice(0, 253));
    fc.assert(
      fc.property(part, name, fc.constantFrom('plain', 'hashed'), fc.boolean(), (namespace, written, variant, home) => {
        const long = { ...task, namespace, name: written.replace(/[^a-z0-9]+$/, '') };
        const work = { task: long, agent: { ...agent, namespace: home ? namespace : 'agents' } };
        const { pod, configMap, log } = taskNames(work, variant);
        for (const one of [pod, configMap, log]) expect(one).toMatch(subdomain);
        // The kubelet's folder for its logs has a name of at most 255 characters.
        expect(`${'n'.repeat(63)}_${pod}_${'u'.repeat(36)}`.length).toBeLessThanOrEqual(255);
        expect(log).toBe(pod.replace(/-pod$/, '-log'));
        expect(configMap).toBe(pod.replace(/-pod$/, '-context'));
        expect(taskNames(work, variant).pod).toBe(pod);
      }),
    );
  });
});
