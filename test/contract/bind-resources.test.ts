import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bindResources } from '../../src/contract/bind-resources.ts';
import { compareQuantities, parseQuantity } from '../../src/contract/quantity.ts';
import { asRecord } from '../../src/kernel/strict-json.ts';
import { contractWith } from './kit.ts';

const contract = contractWith({
  resources: { requests: { cpu: '100m', memory: '128Mi' }, limits: { cpu: '500m', memory: '512Mi' } },
}).resources;
const own = { requests: { cpu: '100m', memory: '128Mi' }, limits: { cpu: '500m', memory: '512Mi' } };

const denied = (given: unknown) => bindResources(contract, given, 'Deny', 'resources');
const overridden = (given: unknown) => bindResources(contract, given, 'Override', 'resources');

describe('resources', () => {
  test.each([undefined, null, {}, { limits: null }, { limits: {}, requests: {} }])(
    'that are absent are those of the contract: %j',
    (given) => {
      expect(denied(given)).toStrictEqual({ value: own, conflicts: [] });
      expect(overridden(given)).toStrictEqual({ value: own, conflicts: [] });
    },
  );

  test.each<[string, object, object]>([
    ['equal', own, own],
    [
      'equal in other words',
      { limits: { cpu: '0.5', memory: '536870912' } },
      { ...own, limits: { cpu: '0.5', memory: '536870912' } },
    ],
    ['smaller', { limits: { cpu: '200m', memory: '256Mi' } }, { ...own, limits: { cpu: '200m', memory: '256Mi' } }],
    ['smaller in part', { limits: { cpu: '200m' } }, { ...own, limits: { cpu: '200m', memory: '512Mi' } }],
    [
      'so small that the request shrinks with them',
      { limits: { memory: '64Mi' } },
      { limits: { cpu: '500m', memory: '64Mi' }, requests: { cpu: '100m', memory: '64Mi' } },
    ],
    ['requests up to the limit', { requests: { cpu: '500m' } }, { ...own, requests: { cpu: '500m', memory: '128Mi' } }],
    ['a request of nothing', { requests: { cpu: '0' } }, { ...own, requests: { cpu: '0', memory: '128Mi' } }],
    [
      'names that the contract does not speak of',
      { limits: { 'nvidia.com/gpu': '1', 'ephemeral-storage': '0' }, claims: [{ name: 'x' }] },
      {
        claims: [{ name: 'x' }],
        limits: { ...own.limits, 'nvidia.com/gpu': '1', 'ephemeral-storage': '0' },
        requests: own.requests,
      },
    ],
  ])('within the contract are kept: %s', (_title, given, value) => {
    expect(denied(given)).toEqual({ value, conflicts: [] });
    expect(overridden(given)).toEqual({ value, conflicts: [] });
  });

  const tooMuch = expect.stringContaining('more than the contract allows');

  test.each<[string, object, string, object]>([
    ['a larger limit', { limits: { memory: '1Gi' } }, 'resources.limits[memory]', own],
    ['a limit that is larger by a hair', { limits: { cpu: '500000001n' } }, 'resources.limits[cpu]', own],
    ['no limit at all, written as 0', { limits: { memory: '0' } }, 'resources.limits[memory]', own],
    ['no limit at all, written as 0m', { limits: { cpu: '0m' } }, 'resources.limits[cpu]', own],
    ['a negative limit', { limits: { cpu: '-1' } }, 'resources.limits[cpu]', own],
    ['a limit that is no quantity', { limits: { cpu: 'lots' } }, 'resources.limits[cpu]', own],
    ['a limit that is a list', { limits: { cpu: ['1m'] } }, 'resources.limits[cpu]', own],
    [
      'a request above the limit',
      { requests: { memory: '513Mi' } },
      'resources.requests[memory]',
      { ...own, requests: { cpu: '100m', memory: '512Mi' } },
    ],
    [
      'a request above the own limit',
      { limits: { memory: '64Mi' }, requests: { memory: '128Mi' } },
      'resources.requests[memory]',
      { limits: { cpu: '500m', memory: '64Mi' }, requests: { cpu: '100m', memory: '64Mi' } },
    ],
  ])('outside the contract are refused, or replaced: %s', (_title, given, field, value) => {
    expect(denied(given).conflicts).toEqual([{ code: 'CONTRACT_CONFLICT', field, message: tooMuch }]);
    expect(overridden(given)).toEqual({ value, conflicts: [] });
  });

  test('names what would be right', () => {
    expect(denied({ limits: { memory: '0' } }).conflicts[0]?.message).toBe(
      '0 is more than the contract allows, since 0 means no limit; write 512Mi or less, or leave it out',
    );
  });

  test('of a contract that names no limit are not limited', () => {
    const requestsOnly = contractWith({ resources: { requests: { cpu: '1' } } }).resources;
    const given = { limits: { cpu: '4', memory: '1Gi' }, requests: { cpu: '2' } };
    expect(bindResources(requestsOnly, given, 'Deny', 'resources')).toEqual({ value: given, conflicts: [] });
    expect(bindResources(requestsOnly, { requests: { cpu: '2' } }, 'Deny', 'r').conflicts).toHaveLength(1);
  });

  test('of a contract without any stay as they are', () => {
    const none = contractWith({ resources: {} }).resources;
    expect(bindResources(none, undefined, 'Deny', 'r')).toStrictEqual({ value: {}, conflicts: [] });
  });

  const quantity = fc.constantFrom(
    '0',
    '1m',
    '100m',
    '0.1',
    '500m',
    '501m',
    '1',
    '64Mi',
    '128Mi',
    '512Mi',
    '1Gi',
    '1e9',
    '-1',
    'x',
  );
  const quantities = fc.dictionary(fc.constantFrom('cpu', 'memory', 'example.com/fpga'), quantity, {
    noNullPrototype: true,
  });
  const resources = fc.record(
    { limits: quantities, requests: quantities },
    { requiredKeys: [], noNullPrototype: true },
  );

  test('bound twice are as bound once', () => {
    fc.assert(
      fc.property(resources, fc.constantFrom('Deny' as const, 'Override' as const), (given, onConflict) => {
        const { value } = bindResources(contract, given, onConflict, 'r');
        expect(bindResources(contract, value, onConflict, 'r').value).toStrictEqual(value);
      }),
    );
  });

  test('are never above the contract when nothing is refused', () => {
    fc.assert(
      fc.property(resources, fc.constantFrom('Deny' as const, 'Override' as const), (given, onConflict) => {
        const { value, conflicts } = bindResources(contract, given, onConflict, 'r');
        if (conflicts.length > 0) return;
        for (const [name, ceiling] of contract.limits) {
          const limit = parseQuantity(String(asRecord(value['limits'])?.[name]));
          const request = parseQuantity(String(asRecord(value['requests'])?.[name]));
          if (limit === undefined || request === undefined) throw new Error(`${name} is not bound`);
          expect(limit.nanos).toBeGreaterThan(0n);
          expect(compareQuantities(limit, ceiling)).toBeLessThanOrEqual(0);
          expect(compareQuantities(request, limit)).toBeLessThanOrEqual(0);
        }
      }),
    );
  });
});
