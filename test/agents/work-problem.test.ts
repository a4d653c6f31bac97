import { describe, expect, test } from 'vitest';
import type { Agent, ContextItem, TaskProblem, Work } from '../../src/agents/model.ts';
import { workProblem } from '../../src/agents/work-problem.ts';
import { layOut } from '../../src/agents/workspace.ts';
import { clone, download, text, workWith } from './workspace-work.ts';

function problemOf(work: Work): TaskProblem | undefined {
  const workspace = layOut(work, new Map());
  if (!workspace.ok) throw new Error(workspace.failure.message);
  return workProblem(work, workspace.value);
}

function withSecret(item: ContextItem): ContextItem {
  if (item.type === 'Git') return { ...item, git: { ...item.git, secretRef: 'theirs' } };
  if (item.type === 'URL') return { ...item, url: { ...item.url, secretRef: 'theirs' } };
  throw new Error('it has no Secret');
}

const secrets: readonly ContextItem[] = [withSecret(clone('r')), withSecret(download('d'))];

describe('a Secret of the namespace of the Agent', () => {
  test.each(secrets)('is not chosen by a Task of another: $type', (item) => {
    expect(problemOf(workWith([item]))).toEqual({
      reason: 'ContextError',
      message: expect.stringContaining(
        "secretRef of a Task works only in the Task's own namespace; put the context into the Agent",
      ),
    });
  });

  test.each(secrets)('may be chosen by a Task of the same namespace: $type', (item) => {
    expect(problemOf(workWith([item], { namespace: 'team' }))).toBeUndefined();
  });

  test.each(secrets)('may be chosen by the Agent: $type', (item) => {
    expect(problemOf(workWith([], { contexts: [item] }))).toBeUndefined();
  });

  test('is not chosen by an optional context either', () => {
    expect(problemOf(workWith([{ ...withSecret(clone('r')), optional: true }]))?.reason).toBe('ContextError');
  });
});

describe('what no Pod can have', () => {
  const cases: readonly [string, readonly ContextItem[], Partial<Agent>, TaskProblem['reason']][] = [
    ['a clone at a place with a colon', [clone('a:b')], {}, 'ContextError'],
    ['a file in a folder with a colon', [text('a', '/opt/a:b/c')], {}, 'ContextError'],
    ['a workspace with a colon', [], { workspaceDir: '/a:b' }, 'AgentError'],
    [
      'a credential over a clone',
      [clone('repo')],
      { credentials: [{ name: 'c', secret: 's', mountPath: '/workspace/repo' }] },
      'AgentError',
    ],
  ];
  test.each(cases)('%s', (_, contexts, change, reason) => {
    expect(problemOf(workWith(contexts, change))).toEqual({ reason, message: expect.stringMatching(/[;,] /) });
  });

  test('a file in the workspace with a colon in its name is no mount', () => {
    expect(problemOf(workWith([text('a', 'a:b')]))).toBeUndefined();
  });
});
