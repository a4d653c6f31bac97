import { describe, expect, it } from 'vitest';
import { bindHostNamespaces } from '../../../src/contract/bind-host-namespaces.ts';
import type { OnConflict } from '../../../src/policy/action-policy.ts';
import { contractOf, gitClone } from '../kit.ts';

type Members = Readonly<Record<string, unknown>>;

const contract = contractOf(gitClone);
const demand = (onConflict: OnConflict): Parameters<typeof bindHostNamespaces>[1] => ({
  contract,
  rules: { contract: { required: true, onConflict } },
});

const names = ['hostNetwork', 'hostPID', 'hostIPC'];
const rest: Members = { containers: [{ name: 'a' }] };

describe('the namespaces of a node', () => {
  it.each(names)('are not for a Pod whose action has a contract: %s', (name) => {
    const podSpec = { ...rest, [name]: true };
    const { value, conflicts } = bindHostNamespaces(podSpec, demand('Deny'), false);
    expect(value).toBe(podSpec);
    expect(conflicts).toEqual([
      {
        code: 'CONTRACT_CONFLICT',
        field: name,
        message: `an action with a contract runs in namespaces of its own, not in the node's; leave ${name} out`,
      },
    ]);
  });

  it.each(names)('are taken from it where the contract replaces: %s', (name) => {
    expect(bindHostNamespaces({ ...rest, [name]: true }, demand('Override'), false)).toEqual({
      value: rest,
      conflicts: [],
    });
  });

  it('are named all at once', () => {
    const { conflicts } = bindHostNamespaces(
      Object.fromEntries(names.map((name) => [name, true])),
      demand('Deny'),
      false,
    );
    expect(conflicts.map(({ field }) => field)).toEqual(names);
  });

  it.each(names)('are refused in a Pod that runs, where nothing can be taken any more: %s', (name) => {
    const podSpec = { ...rest, [name]: true };
    const { value, conflicts } = bindHostNamespaces(podSpec, demand('Override'), true);
    expect([value, conflicts.map(({ field }) => field)]).toEqual([podSpec, [name]]);
  });

  it.each(['true', 1, {}])('are refused in a type that they have not: %j', (hostPID) => {
    expect(bindHostNamespaces({ ...rest, hostPID }, demand('Deny'), false).conflicts).toHaveLength(1);
  });

  it.each<Members>([
    rest,
    { ...rest, hostNetwork: false, hostPID: null },
    { ...rest, hostUsers: false },
    { ...rest, hostUsers: true },
  ])('are not in %j', (podSpec) => {
    for (const onConflict of ['Deny', 'Override'] as const)
      expect(bindHostNamespaces(podSpec, demand(onConflict), false)).toEqual({ value: podSpec, conflicts: [] });
  });

  it('are not spoken about without a contract', () => {
    const podSpec = { ...rest, hostNetwork: true };
    const { rules } = demand('Deny');
    expect(bindHostNamespaces(podSpec, { rules }, false)).toEqual({ value: podSpec, conflicts: [] });
  });
});

describe('a Pod that is taken out of the network of its node', () => {
  const bound = (ports: unknown): unknown =>
    bindHostNamespaces(
      { hostNetwork: true, containers: [{ name: 'a', ports }], initContainers: [{ name: 'b', ports }] },
      demand('Override'),
      false,
    ).value;

  it('has no host ports either that the API server has made of its ports', () => {
    const ports = [{ containerPort: 80, hostPort: 80 }, { containerPort: 81 }, { containerPort: 82, hostPort: 8082 }];
    const left = [{ containerPort: 80 }, { containerPort: 81 }, { containerPort: 82, hostPort: 8082 }];
    expect(bound(ports)).toEqual({
      containers: [{ name: 'a', ports: left }],
      initContainers: [{ name: 'b', ports: left }],
    });
  });

  it('keeps its host ports when only another namespace is taken from it', () => {
    const podSpec = { containers: [{ name: 'a', ports: [{ containerPort: 80, hostPort: 80 }] }] };
    const { value } = bindHostNamespaces({ ...podSpec, hostIPC: true }, demand('Override'), false);
    expect(value).toEqual(podSpec);
  });

  it('keeps what are no ports', () => {
    expect(bound(undefined)).toEqual({ containers: [{ name: 'a' }], initContainers: [{ name: 'b' }] });
    expect(bound('80')).toEqual({
      containers: [{ name: 'a', ports: '80' }],
      initContainers: [{ name: 'b', ports: '80' }],
    });
  });
});
