import { describe, expect, test } from 'vitest';
import { mergeTemplate } from '../../src/agents/merge-template.ts';
import type { ContextItem, Task, TaskTemplate } from '../../src/agents/model.ts';
import { parseTask } from '../../src/agents/parse-task.ts';
import { parseTaskTemplate } from '../../src/agents/parse-template.ts';

const text = (name: string): ContextItem => ({ type: 'Text', name, text: name, optional: false });

function taskOf(spec: object): Task {
  const read = parseTask({ metadata: { namespace: 'team', name: 't' }, spec });
  if (!read.ok) throw new Error(read.failure.message);
  return read.value;
}

function templateOf(spec: object): TaskTemplate {
  const read = parseTaskTemplate({ metadata: { namespace: 'templates', name: 'pr' }, spec });
  if (!read.ok) throw new Error(read.failure.message);
  return read.value;
}

test('a Task without a template says what it says', () => {
  const task = taskOf({ description: 'd', agentRef: 'a', contexts: [{ type: 'Text', text: 'x' }] });
  expect(mergeTemplate(task, undefined)).toEqual({
    description: 'd',
    agentRef: { name: 'a' },
    contexts: [{ item: { type: 'Text', text: 'x', optional: false }, namespace: 'team' }],
  });
});

test('what the Task leaves out is taken from the template', () => {
  expect(mergeTemplate(taskOf({}), templateOf({ description: 'd', agentRef: { name: 'a', namespace: 'n' } }))).toEqual({
    description: 'd',
    agentRef: { name: 'a', namespace: 'n' },
    contexts: [],
  });
});

test('the own word of the Task wins', () => {
  const merged = mergeTemplate(
    taskOf({ description: 'mine', agentRef: 'mine' }),
    templateOf({ description: 'd', agentRef: 'a' }),
  );
  expect(merged).toMatchObject({ description: 'mine', agentRef: { name: 'mine' } });
});

test('contexts of the template come first, and name what is next to the Task', () => {
  const task = taskOf({ contexts: [text('c')] });
  const template = templateOf({
    contexts: [text('a'), { type: 'ConfigMap', configMap: { name: 'secrets-of-the-platform' } }],
  });
  expect(
    mergeTemplate(task, template).contexts.map(({ item, namespace }) => [item.name ?? item.type, namespace]),
  ).toEqual([
    ['a', 'team'],
    ['ConfigMap', 'team'],
    ['c', 'team'],
  ]);
});

test('nothing is there that nobody has said', () => {
  expect(mergeTemplate(taskOf({}), templateOf({}))).toEqual({ contexts: [] });
});

describe('a template that makes no sense', () => {
  test.each([
    [{ agentRef: 5 }, 'spec.agentRef: is 5'],
    [{ agentRef: {} }, 'spec.agentRef.name: is missing'],
    [{ contexts: [{ type: 'X' }] }, 'spec.contexts[0].type: is "X"; unknown context type'],
    [{ contexts: {} }, 'spec.contexts: is a mapping; write a list'],
    [{ description: [] }, 'spec.description: is a list'],
  ])('as with %j is refused, and named', (spec, message) => {
    expect(parseTaskTemplate({ metadata: { namespace: 'templates', name: 'pr' }, spec })).toEqual({
      ok: false,
      failure: {
        reason: 'TaskTemplateError',
        message: expect.stringContaining(`TaskTemplate "templates/pr": ${message}`),
      },
    });
  });
});
