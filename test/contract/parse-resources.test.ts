import { describe, expect, test } from 'vitest';
import { contractWith, problemsOf, withSpec } from './kit.ts';

type Quantities = Readonly<Record<string, unknown>>;

describe('resources that a container may have', () => {
  test.each<[string, Quantities, Quantities]>([
    ['requests below limits', { cpu: '100m', memory: '128Mi' }, { cpu: '1', memory: '1Gi' }],
    ['equal ones', { cpu: '500m' }, { cpu: '0.5' }],
    ['limits alone', {}, { memory: '1G' }],
    ['requests alone', { memory: '1G' }, {}],
    ['numbers', { cpu: 0.5 }, { cpu: 2, memory: 1e9 }],
    ['zero', { cpu: '0' }, { cpu: 0 }],
    ['scratch space', { 'ephemeral-storage': '1Gi' }, { 'ephemeral-storage': '2Gi' }],
    ['huge pages', { 'hugepages-2Mi': '4Mi', cpu: '1' }, { 'hugepages-2Mi': '4Mi' }],
    ['a device', { 'nvidia.com/gpu': '1' }, { 'nvidia.com/gpu': '1' }],
    ['a device with a limit alone', {}, { 'example.com/widget_A': 3 }],
  ])('%s', (_name, requests, limits) => {
    const { resources } = contractWith({ resources: { requests, limits } });
    expect([...resources.requests].map(([name, { text }]) => [name, text])).toEqual(
      Object.entries(requests).map(([name, value]) => [name, String(value)]),
    );
    expect([...resources.limits.keys()]).toEqual(Object.keys(limits));
  });
});

describe('refuses', () => {
  test.each<[string, unknown, unknown, string]>([
    ['a request above its limit', { memory: '2Gi' }, { memory: '1Gi' }, 'must be at most the limit 1Gi'],
    ['one by a hair', { cpu: '1001m' }, { cpu: '1' }, 'must be at most the limit 1;'],
    ['other units that mean more', { memory: '1Gi' }, { memory: '1G' }, 'must be at most the limit 1G'],
    ['a negative request', { cpu: '-1' }, {}, 'requests[cpu]\nmust not be negative'],
    ['a negative limit', {}, { memory: '-128Mi' }, 'limits[memory]\nmust not be negative'],
    ['a negative number', {}, { cpu: -0.001 }, 'must not be negative'],
    ['no quantity', {}, { cpu: 'much' }, 'limits[cpu]\nexpected a quantity such as 500m or 128Mi'],
    ['a number beyond all bounds', {}, '{"cpu":1e309}', 'invalid value: Infinity: spec.resources.limits[cpu]'],
    ['a quantity beyond all bounds', {}, { memory: '1e309' }, 'invalid value: 1e309: spec.resources.limits[memory]'],
    ['nothing', {}, { cpu: '' }, 'limits[cpu]\nexpected a quantity'],
    ['null', {}, { cpu: null }, 'invalid value: null: spec.resources.limits[cpu]'],
    ['an object', {}, { cpu: {} }, 'limits[cpu]\nexpected a quantity'],
    ['an unknown resource', {}, { gpu: 1 }, 'expected cpu, memory, ephemeral-storage'],
    ['a resource of a Pod', {}, { storage: '1Gi' }, 'expected cpu, memory'],
    ['a resource of a quota', {}, { 'limits.cpu': '1' }, 'expected cpu, memory'],
    ['a broken domain', {}, { '-a.com/gpu': 1 }, 'expected cpu, memory'],
    ['two slashes', {}, { 'a.com/b/c': 1 }, 'expected cpu, memory'],
    ['a reserved domain', {}, { 'requests.example.com/gpu': 1 }, 'must not begin with "requests."'],
    ['pages of no size', {}, { 'hugepages-': '1', cpu: 1 }, 'limits[hugepages-]'],
    ['pages alone', {}, { 'hugepages-2Mi': '2Mi' }, 'huge pages need cpu or memory beside them: spec.resources'],
    ['half a device', {}, { 'nvidia.com/gpu': '500m' }, 'must be a whole number'],
    ['a device without limit', { 'nvidia.com/gpu': 1 }, {}, 'needs a limit of the same size'],
    ['fewer devices than the limit', { 'nvidia.com/gpu': 1 }, { 'nvidia.com/gpu': 2 }, 'must be equal to the limit 2'],
    ['a list', {}, [], 'spec.resources.limits\nexpected a map of quantities'],
    ['a text', 'cpu', {}, 'spec.resources.requests\nexpected a map of quantities'],
  ])('%s', (_name, requests, limits, expected) => {
    const text = JSON.stringify(withSpec({ resources: { requests, limits: 'LIMITS' } }));
    const written = typeof limits === 'string' ? limits : JSON.stringify(limits);
    expect(problemsOf(text.replace('"LIMITS"', written))).toEqual([expect.stringContaining(expected)]);
  });

  test('claims, and resources that are no object', () => {
    expect(problemsOf(withSpec({ resources: { claims: [] } }))).toEqual(['unknown field(s): spec.resources.claims']);
    expect(problemsOf(withSpec({ resources: [] })).join()).toContain('spec.resources\nexpected an object');
  });
});
