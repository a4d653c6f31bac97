import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { resolveRun } from '../../src/tekton/resolve-run.ts';
import { imagesOf, openOf, resolve, resolveSpec, type Specs } from './kit.ts';

const metaTask = `
params: [{name: actionType, type: string}, {name: actionImage, type: string}, {name: inputs, type: string}]
steps:
  - name: execute
    image: $(params.actionImage)
    env: [{name: ACTION_INPUTS, value: $(params.inputs)}, {name: WORKSPACE_PATH, value: $(workspaces.workspace.path)}]
    script: |
      #!/bin/sh
      set -e
      echo "$ACTION_INPUTS" | /action-entrypoint
`;

describe('a TaskRun', () => {
  test('of a task whose image is a parameter runs the image that it gives', () => {
    const run = `
taskRef: {name: kubernaut-action}
params: [{name: actionImage, value: "ghcr.io/acme/restart:1"}, {name: inputs, value: '{"deployment":"web"}'}]`;
    const found = resolve('TaskRun', run, { 'Task apps/kubernaut-action': metaTask });
    expect(imagesOf(found)).toEqual(['Task apps/kubernaut-action spec.steps[0].image ghcr.io/acme/restart:1']);
    expect(openOf(found)).toEqual([]);
    expect(found.tasks[0]?.steps[0]).toMatchObject({
      needsShell: true,
      open: ['WORKSPACE_PATH'],
      container: { name: 'execute', env: [{ name: 'ACTION_INPUTS', value: '{"deployment":"web"}' }] },
    });
  });

  const own = (spec: string): string => `taskSpec: ${spec}\nparams: [{name: image, value: given}]`;
  test.each<[string, string, Specs, readonly string[]]>([
    ['its own step', own('{steps: [{image: written}]}'), {}, ['spec.taskSpec.steps[0].image written']],
    [
      'a parameter nobody declares',
      own('{steps: [{image: $(params.image)}]}'),
      {},
      ['spec.taskSpec.steps[0].image given'],
    ],
    [
      'a default',
      'taskSpec: {params: [{name: image, default: preset}], steps: [{image: $(params.image)}]}',
      {},
      ['spec.taskSpec.steps[0].image preset'],
    ],
    [
      'what is given over a default',
      own('{params: [{name: image, default: preset}], steps: [{image: $(params.image)}]}'),
      {},
      ['spec.taskSpec.steps[0].image given'],
    ],
    [
      'the step template',
      own('{stepTemplate: {image: $(params.image)}, steps: [{name: a}, {image: other}]}'),
      {},
      ['spec.taskSpec.stepTemplate.image given', 'spec.taskSpec.steps[1].image other'],
    ],
    [
      'a sidecar',
      own('{steps: [{image: main}], sidecars: [{image: $(params.image)}]}'),
      {},
      ['spec.taskSpec.steps[0].image main', 'spec.taskSpec.sidecars[0].image given'],
    ],
    [
      'an element of a list',
      'taskSpec: {steps: [{image: "$(params.images[1])"}]}\nparams: [{name: images, value: [a, b]}]',
      {},
      ['spec.taskSpec.steps[0].image b'],
    ],
    [
      'a key of an object',
      'taskSpec: {steps: [{image: $(params.of.tool)}]}\nparams: [{name: of, value: {tool: t}}]',
      {},
      ['spec.taskSpec.steps[0].image t'],
    ],
    [
      'a step action',
      own('{steps: [{ref: {name: act}}]}'),
      { 'StepAction apps/act': 'image: acted' },
      ['StepAction apps/act spec.image acted'],
    ],
    [
      'a step action with a parameter of the step',
      own('{steps: [{ref: {name: act}, params: [{name: tool, value: $(params.image)}]}]}'),
      { 'StepAction apps/act': 'params: [{name: tool, default: preset}]\nimage: $(params.tool)' },
      ['StepAction apps/act spec.image given'],
    ],
    [
      'a step action with a default',
      own('{steps: [{ref: {name: act}}]}'),
      { 'StepAction apps/act': 'params: [{name: tool, default: preset}]\nimage: $(params.tool)' },
      ['StepAction apps/act spec.image preset'],
    ],
    [
      'a step action, whatever the step template says',
      own('{stepTemplate: {image: template}, steps: [{ref: {name: act}}]}'),
      { 'StepAction apps/act': 'image: acted' },
      ['StepAction apps/act spec.image acted'],
    ],
    [
      'a task of another namespace',
      'taskRef: {resolver: cluster, params: [{name: kind, value: task}, {name: name, value: t}, {name: namespace, value: shared}]}',
      { 'Task shared/t': 'steps: [{image: there}]' },
      ['Task shared/t spec.steps[0].image there'],
    ],
    [
      'a task that a parameter names',
      'taskRef: {resolver: cluster, params: [{name: name, value: $(params.which)}, {name: namespace, value: shared}]}\nparams: [{name: which, value: t}]',
      { 'Task shared/t': 'steps: [{image: there}]' },
      ['Task shared/t spec.steps[0].image there'],
    ],
    [
      'a local step action of a task of another namespace, from its own namespace',
      'taskRef: {resolver: cluster, params: [{name: name, value: t}, {name: namespace, value: shared}]}',
      {
        'Task shared/t': 'steps: [{ref: {name: act}}]',
        'StepAction apps/act': 'image: here',
        'StepAction shared/act': 'image: there',
      },
      ['StepAction apps/act spec.image here'],
    ],
  ])('runs %s', (_what, spec, specs, images) => {
    const found = resolve('TaskRun', spec, specs);
    expect(imagesOf(found)).toEqual(images);
    expect(openOf(found)).toEqual([]);
  });

  test.each<[string, string, Specs, string]>([
    [
      'a parameter that nobody gives',
      'taskSpec: {steps: [{image: $(params.image)}]}',
      {},
      'spec.taskSpec.steps[0].image: "$(params.image)"',
    ],
    ['a result', 'taskSpec: {steps: [{image: $(tasks.a.results.b)}]}', {}, '"$(tasks.a.results.b)"'],
    ['a task that is not there', 'taskRef: {name: none}', {}, 'spec.taskRef: there is no Task apps/none'],
    [
      'a step action that is not there',
      'taskSpec: {steps: [{ref: {name: none}}]}',
      {},
      'steps[0].ref: there is no StepAction',
    ],
    ['a git resolver', 'taskRef: {resolver: git, params: []}', {}, 'what the resolver "git" finds'],
    [
      'a hub resolver of a step',
      'taskSpec: {steps: [{ref: {resolver: hub}}]}',
      {},
      'spec.taskSpec.steps[0].ref: what the resolver "hub"',
    ],
    ['a bundle', 'taskRef: {name: t, bundle: ghcr.io/acme/tasks}', {}, 'a bundle is fetched'],
    [
      'a cluster resolver without namespace',
      'taskRef: {resolver: cluster, params: [{name: name, value: t}]}',
      {},
      'not told a namespace',
    ],
    [
      'a cluster resolver without name',
      'taskRef: {resolver: cluster, params: [{name: namespace, value: t}]}',
      {},
      'has no name',
    ],
    [
      'a cluster resolver of pipelines',
      'taskRef: {resolver: cluster, params: [{name: kind, value: pipeline}, {name: name, value: t}, {name: namespace, value: s}]}',
      {},
      'another kind than Task',
    ],
    ['a ClusterTask', 'taskRef: {name: t, kind: ClusterTask}', {}, 'a ClusterTask is not known here'],
    ['a path for a name', 'taskRef: {name: ../secrets/x}', {}, 'there can be no Task'],
    ['neither task nor reference', '{}', {}, 'spec.taskRef: the Task has no name'],
    ['both task and reference', 'taskSpec: {steps: [{image: a}]}\ntaskRef: {name: none}', {}, 'there is no Task'],
    [
      'a parameter of the run in a step action',
      'taskSpec: {steps: [{ref: {name: act}}]}\nparams: [{name: image, value: given}]',
      { 'StepAction apps/act': 'image: $(params.image)' },
      'StepAction apps/act spec.image: "$(params.image)"',
    ],
  ])('with %s is not known', (_what, spec, specs, why) => {
    const found = resolve('TaskRun', spec, specs);
    expect(imagesOf(found)).toEqual([]);
    expect(openOf(found)).toEqual([expect.stringContaining(why)]);
  });

  test('with an image of a result beside another is known as to the other', () => {
    const found = resolve('TaskRun', 'taskSpec: {steps: [{image: a}, {image: $(steps.x.results.y)}, {image: ""}]}');
    expect(imagesOf(found)).toEqual(['spec.taskSpec.steps[0].image a', 'spec.taskSpec.steps[2].image ']);
    expect(openOf(found)).toHaveLength(1);
  });

  test('gives its steps the resources of the run, of the step of that name', () => {
    const spec = `
taskSpec: {steps: [{name: a, image: i, computeResources: {limits: {cpu: 1, memory: 1Gi}}}, {name: b, image: i}]}
stepSpecs: [{name: a, computeResources: {limits: {memory: 2Gi}}}]`;
    const [task] = resolve('TaskRun', spec).tasks;
    expect(task?.steps.map(({ container }) => container['resources'])).toEqual([
      { limits: { cpu: 1, memory: '2Gi' } },
      undefined,
    ]);
  });

  test.each([
    ['echo hello', true],
    ['#!/bin/sh\necho hello', true],
    ['#!/usr/bin/env bash\necho hello', true],
    ['#!/usr/bin/env -S bash -e\necho hello', true],
    ['#! /bin/busybox sh', true],
    ['#!/usr/bin/env python3\nprint()', false],
    ['#!/usr/local/bin/node', false],
    ['', false],
  ])('with the script %j needs a shell: %s', (script, expected) => {
    const { tasks } = resolve('TaskRun', `taskSpec: {steps: [{image: i, script: ${JSON.stringify(script)}}]}`);
    expect(tasks[0]?.steps[0]?.needsShell).toBe(expected);
  });
});

describe('a PipelineRun', () => {
  test.each<[string, string, Specs, readonly string[]]>([
    [
      'its own tasks and what comes at the end',
      'pipelineSpec: {tasks: [{name: a, taskSpec: {steps: [{image: a}]}}], finally: [{name: b, taskSpec: {steps: [{image: b}]}}]}',
      {},
      [
        'spec.pipelineSpec.tasks[0].taskSpec.steps[0].image a',
        'spec.pipelineSpec.finally[0].taskSpec.steps[0].image b',
      ],
    ],
    [
      'a pipeline of tasks with parameters all the way down',
      'pipelineRef: {name: p}\nparams: [{name: tool, value: given}]',
      {
        'Pipeline apps/p':
          'params: [{name: tool}]\ntasks: [{name: a, taskRef: {name: t}, params: [{name: image, value: "r/$(params.tool)"}]}]',
        'Task apps/t': 'params: [{name: image}]\nsteps: [{image: $(params.image)}]',
      },
      ['Task apps/t spec.steps[0].image r/given'],
    ],
    [
      'parameters in an embedded task that does not declare them',
      'pipelineSpec: {tasks: [{name: a, taskSpec: {steps: [{image: $(params.tool)}]}}]}\nparams: [{name: tool, value: given}]',
      {},
      ['spec.pipelineSpec.tasks[0].taskSpec.steps[0].image given'],
    ],
    [
      'a parameter of the pipeline over the default of an embedded task',
      'pipelineSpec: {tasks: [{name: a, taskSpec: {params: [{name: tool, default: own}], steps: [{image: $(params.tool)}]}}]}\nparams: [{name: tool, value: given}]',
      {},
      ['spec.pipelineSpec.tasks[0].taskSpec.steps[0].image given'],
    ],
    [
      'what an embedded task is given over a parameter of the pipeline',
      'pipelineSpec: {tasks: [{name: a, params: [{name: tool, value: own}], taskSpec: {steps: [{image: $(params.tool)}]}}]}\nparams: [{name: tool, value: given}]',
      {},
      ['spec.pipelineSpec.tasks[0].taskSpec.steps[0].image own'],
    ],
    [
      'every combination of a matrix',
      'pipelineSpec: {tasks: [{name: a, matrix: {params: [{name: tool, value: [x, y]}]}, taskSpec: {steps: [{image: $(params.tool)}]}}]}',
      {},
      ['spec.pipelineSpec.tasks[0].taskSpec.steps[0].image x', 'spec.pipelineSpec.tasks[0].taskSpec.steps[0].image y'],
    ],
    [
      'a list that is handed on as a whole',
      'pipelineSpec: {tasks: [{name: a, params: [{name: of, value: "$(params.all[*])"}], taskSpec: {steps: [{image: "$(params.of[1])"}]}}]}\nparams: [{name: all, value: [x, y]}]',
      {},
      ['spec.pipelineSpec.tasks[0].taskSpec.steps[0].image y'],
    ],
    [
      'a pipeline in a pipeline',
      'pipelineSpec: {tasks: [{name: a, pipelineSpec: {tasks: [{name: b, taskSpec: {steps: [{image: deep}]}}]}}]}',
      {},
      ['spec.pipelineSpec.tasks[0].pipelineSpec.tasks[0].taskSpec.steps[0].image deep'],
    ],
    [
      'nothing for tasks of another API',
      'pipelineSpec: {tasks: [{name: a, taskRef: {apiVersion: example.dev/v1, kind: Approval}}, {name: b, taskSpec: {apiVersion: example.dev/v1, kind: X, spec: {}}}]}',
      {},
      [],
    ],
  ])('runs %s', (_what, spec, specs, images) => {
    const found = resolve('PipelineRun', spec, specs);
    expect(imagesOf(found)).toEqual(images);
    expect(openOf(found)).toEqual([]);
  });

  test.each<[string, string, Specs, string]>([
    [
      'the result of another task',
      'pipelineSpec: {tasks: [{name: a, taskRef: {name: t}, params: [{name: image, value: $(tasks.b.results.image)}]}]}',
      { 'Task apps/t': 'steps: [{image: $(params.image)}]' },
      'Task apps/t spec.steps[0].image: "$(tasks.b.results.image)"',
    ],
    [
      'a parameter that a task it refers to is not given',
      'pipelineSpec: {tasks: [{name: a, taskRef: {name: t}}]}\nparams: [{name: image, value: given}]',
      { 'Task apps/t': 'steps: [{image: $(params.image)}]' },
      'Task apps/t spec.steps[0].image: "$(params.image)"',
    ],
    [
      'a pipeline that is not there',
      'pipelineRef: {name: none}',
      {},
      'spec.pipelineRef: there is no Pipeline apps/none',
    ],
    [
      'a matrix of results',
      'pipelineSpec: {tasks: [{name: a, matrix: {params: [{name: t, value: "$(tasks.b.results.all[*])"}]}, taskSpec: {steps: [{image: $(params.t)}]}}]}',
      {},
      'spec.pipelineSpec.tasks[0].matrix: ',
    ],
    [
      'a pipeline that runs itself',
      'pipelineRef: {name: p}',
      { 'Pipeline apps/p': 'tasks: [{name: a, pipelineRef: {name: p}}, {name: b, pipelineRef: {name: p}}]' },
      'spec: the run has more tasks than are looked into',
    ],
  ])('with %s is not known', (_what, spec, specs, why) => {
    const found = resolve('PipelineRun', spec, specs);
    expect(imagesOf(found)).toEqual([]);
    expect(openOf(found)).toEqual([expect.stringContaining(why)]);
  });

  describe('of more than can be looked into ends soon, and says so once', () => {
    const values = Array.from({ length: 250 }, (_, n) => String(n));
    const matrix = { params: [{ name: 'p', value: values }] };
    const each = (member: object): readonly object[] =>
      Array.from({ length: 500 }, (_, n) => ({ name: `t${n}`, matrix, ...member }));
    const many = (item: (n: number) => string): string => Array.from({ length: 1_000 }, (_, n) => item(n)).join();

    test.each<[string, object, string]>([
      ['small tasks', { taskRef: { name: 't' } }, 'steps: [{image: a}]'],
      ['empty tasks', { taskRef: { name: 't' } }, 'steps: []'],
      ['many steps', { taskRef: { name: 't' } }, `steps: [${many(() => '{image: $(params.p)}')}]`],
      ['many defaults', { taskRef: { name: 't' } }, `params: [${many((n) => `{name: a${n}, default: $(params.p)}`)}]`],
      [
        'many variables',
        { taskRef: { name: 't' } },
        `steps: [{image: a, env: [${many(() => '{value: $(params.p)}')}]}]`,
      ],
      ['unknown images', { taskRef: { name: 't' } }, `steps: [${many((n) => `{image: $(params.x${n})}`)}]`],
    ])('%s', (_what, member, task) => {
      const started = process.cpuUsage();
      const found = resolveSpec('PipelineRun', { pipelineSpec: { tasks: each(member) } }, { 'Task apps/t': task });
      const { user } = process.cpuUsage(started);
      expect(found.unresolved.filter(({ field }) => field === 'spec')).toHaveLength(1);
      expect(found.unresolved.length).toBeLessThanOrEqual(101);
      expect(user / 1_000).toBeLessThan(2_000);
    });
  });
});

test('wants each definition once, and is resolved when it has them', () => {
  const spec = 'pipelineSpec: {tasks: [{name: a, taskRef: {name: t}}, {name: b, taskRef: {name: t}}]}';
  const reference = { kind: 'Task', namespace: 'apps', name: 't' };
  const found = resolveRun({ kind: 'PipelineRun', namespace: 'apps', spec: parse(spec) }, () => undefined);
  expect(found).toEqual({ tasks: [], unresolved: [], wanted: [reference] });
});

test('whatever a run holds, it is read without an exception', () => {
  const key = fc.constantFrom(
    'taskSpec',
    'taskRef',
    'pipelineSpec',
    'pipelineRef',
    'tasks',
    'steps',
    'params',
    'name',
    'value',
    'image',
    'matrix',
    'include',
    'ref',
    'resolver',
    'env',
    'script',
    'stepTemplate',
  );
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof(
      { maxDepth: 6 },
      fc.constantFrom(null, 'x', '$(params.x)', 3, true),
      fc.dictionary(key, tie('tree')),
      fc.array(tie('tree'), { maxLength: 3 }),
    ),
  }));
  fc.assert(
    fc.property(fc.constantFrom('TaskRun', 'PipelineRun'), fc.dictionary(key, tree), (kind, spec) => {
      const found = resolveSpec(kind, spec);
      for (const image of imagesOf(found)) expect(image).not.toContain('$(');
    }),
    { numRuns: 1_000 },
  );
});
