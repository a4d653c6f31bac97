/** Runs in which an image is written in each of the ways that Tekton has, and what they refer to. Nothing of them is run. */
import { parse } from 'yaml';
import { asRecord } from '../../../src/kernel/strict-json.ts';

export interface Case {
  readonly what: string;
  readonly kind: 'TaskRun' | 'PipelineRun';
  readonly spec: Readonly<Record<string, unknown>>;
}

const step = (image: string): string => `{image: '${image}', script: 'true'}`;

/** By kind and name. */
export const definitions: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  'Task/plain': spec(`params: [{name: image}]\nsteps: [${step('$(params.image)')}]`),
  'Task/preset': spec(`
params: [{name: registry, default: preset.invalid}, {name: image, default: $(params.registry)/preset}]
steps: [${step('$(params.image)')}]
sidecars: [{name: beside, ${step('$(params.registry)/beside').slice(1)}]`),
  'Task/with-action': spec(`
params: [{name: image}]
stepTemplate: {image: template.invalid/a}
steps: [{name: one, ref: {name: act}, params: [{name: tool, value: $(params.image)}]}, {name: two, ref: {name: act}}]`),
  'StepAction/act': spec(`
params: [{name: registry, default: act.invalid}, {name: tool, default: $(params.registry)/act}]
image: $(params.tool)
script: 'true'`),
  'Pipeline/two': spec(`
params: [{name: of, type: array}, {name: tag, default: "7"}]
tasks:
  - {name: first, taskRef: {name: plain}, params: [{name: image, value: "two.invalid/a:$(params.tag)"}]}
  - {name: second, taskRef: {name: plain}, params: [{name: image, value: "$(params.of[1])"}]}`),
};

export const cases: readonly Case[] = [
  taskRun('a parameter, in three ways', [step('$(params.a)'), step('$(params["b.c"])'), step("$(params[''d''])")], {
    a: 'a.invalid/a',
    'b.c': 'a.invalid/b',
    d: 'a.invalid/d',
  }),
  taskRun('elements of a list', [step('$(params.l[0])'), step('x.invalid/$(params["l"][1]):1')], {
    l: ['a.invalid/a', 'b'],
  }),
  taskRun('keys of an object', [step('$(params.o.host)/$(params.o.name)')], { o: { host: 'o.invalid', name: 'n' } }),
  taskRun('an undeclared parameter', [step('$(params.a)')], { a: 'a.invalid/a' }),
  taskRun('a number', [step('n.invalid/a:$(params.n)')], { n: 3 }),
  {
    what: 'a step template',
    kind: 'TaskRun',
    spec: spec(`
taskSpec: {stepTemplate: {image: $(params.a)}, steps: [{script: 'true'}, ${step('own.invalid/a')}]}
params: [{name: a, value: template.invalid/a}]`),
  },
  referring('a task', 'plain', { image: 'given.invalid/a' }),
  referring('defaults that lean on each other', 'preset', {}),
  referring('a default under what is given', 'preset', { registry: 'given.invalid' }),
  referring('step actions', 'with-action', { image: 'given.invalid/a' }),
  {
    what: 'a pipeline of tasks',
    kind: 'PipelineRun',
    spec: spec('pipelineRef: {name: two}\nparams: [{name: of, value: [a.invalid/a, a.invalid/b]}]'),
  },
  {
    what: 'a list that is handed on',
    kind: 'PipelineRun',
    spec: spec(`
pipelineSpec:
  params: [{name: all, type: array}]
  tasks:
    - name: one
      params: [{name: of, value: ["$(params.all[*])", c.invalid/c]}]
      taskSpec: {params: [{name: of, type: array}], steps: [${step('$(params.of[1])')}]}
params: [{name: all, value: [a.invalid/a, b.invalid/b]}]`),
  },
  {
    what: 'parameters that reach into embedded tasks, and defaults that hide them',
    kind: 'PipelineRun',
    spec: spec(`
pipelineSpec:
  tasks:
    - {name: open, taskSpec: {steps: [${step('$(params.a)')}]}}
    - {name: hidden, taskSpec: {params: [{name: a, default: own.invalid/a}], steps: [${step('$(params.a)')}]}}
params: [{name: a, value: run.invalid/a}]`),
  },
  {
    what: 'a matrix with includes',
    kind: 'PipelineRun',
    spec: spec(`
pipelineSpec:
  tasks:
    - name: each
      matrix:
        params: [{name: host, value: [x.invalid, y.invalid]}, {name: name, value: [a, b]}]
        include:
          - {name: tagged, params: [{name: host, value: x.invalid}, {name: tag, value: "2"}]}
          - {name: new, params: [{name: host, value: z.invalid}]}
      taskSpec:
        params: [{name: host}, {name: name, default: preset}, {name: tag, default: "1"}]
        steps: [${step('$(params.host)/$(params.name):$(params.tag)')}]`),
  },
];

function spec(source: string): Readonly<Record<string, unknown>> {
  return asRecord(parse(source)) ?? {};
}

function params(values: Readonly<Record<string, unknown>>): readonly object[] {
  return Object.entries(values).map(([name, value]) => ({ name, value }));
}

function taskRun(what: string, steps: readonly string[], values: Readonly<Record<string, unknown>>): Case {
  return { what, kind: 'TaskRun', spec: { ...spec(`taskSpec: {steps: [${steps.join()}]}`), params: params(values) } };
}

function referring(what: string, name: string, values: Readonly<Record<string, unknown>>): Case {
  return { what, kind: 'TaskRun', spec: { taskRef: { name }, params: params(values) } };
}
