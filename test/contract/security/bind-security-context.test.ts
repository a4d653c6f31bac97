import { describe, expect, it } from 'vitest';
import { bindSecurityContext } from '../../../src/contract/bind-security-context.ts';
import type { SecurityContext } from '../../../src/contract/security-context.ts';
import type { OnConflict, PodSecurityLevel } from '../../../src/policy/action-policy.ts';

type Members = Readonly<Record<string, unknown>>;

interface Given {
  readonly contract?: SecurityContext;
  readonly floor?: PodSecurityLevel;
  readonly container?: unknown;
  readonly pod?: unknown;
  readonly onConflict?: OnConflict;
}

interface Outcome {
  readonly value: Members;
  /** Fields of the conflicts. */
  readonly fields: readonly string[];
}

function bind({ contract, floor = 'privileged', container, pod, onConflict = 'Deny' }: Given): Outcome {
  const demand = { floor, ...(contract === undefined ? {} : { contract }) };
  const { value, conflicts } = bindSecurityContext(
    demand,
    container,
    { securityContext: pod },
    onConflict,
    'containers[0].securityContext',
  );
  return { value, fields: conflicts.map(({ field }) => field) };
}

/** What a contract says of one member, and what a Pod could say. */
interface Row {
  readonly member: keyof SecurityContext;
  readonly contract: unknown;
  readonly asStrict: readonly unknown[];
  readonly stricter: readonly unknown[];
  readonly looser: readonly unknown[];
  /** Of a looser one, by Override, where it is not the contract's. */
  readonly overridden?: readonly unknown[];
}

const localhost = (localhostProfile: string): Members => ({ type: 'Localhost', localhostProfile });
const runtime = { type: 'RuntimeDefault' };
const unconfined = { type: 'Unconfined' };

const rows: readonly Row[] = [
  { member: 'allowPrivilegeEscalation', contract: false, asStrict: [false], stricter: [], looser: [true, 'false', 0] },
  { member: 'allowPrivilegeEscalation', contract: true, asStrict: [true], stricter: [false], looser: [] },
  { member: 'privileged', contract: false, asStrict: [false], stricter: [], looser: [true, 'false'] },
  { member: 'privileged', contract: true, asStrict: [true], stricter: [false], looser: [] },
  { member: 'readOnlyRootFilesystem', contract: true, asStrict: [true], stricter: [], looser: [false, 'true'] },
  { member: 'readOnlyRootFilesystem', contract: false, asStrict: [false], stricter: [true], looser: [] },
  { member: 'runAsNonRoot', contract: true, asStrict: [true], stricter: [], looser: [false, 1] },
  { member: 'runAsNonRoot', contract: false, asStrict: [false], stricter: [true], looser: [] },
  { member: 'runAsUser', contract: 1000, asStrict: [1000, 1, 2000], stricter: [], looser: [0, -1, '1000'] },
  { member: 'runAsUser', contract: 0, asStrict: [0], stricter: [1000], looser: [] },
  { member: 'runAsGroup', contract: 1000, asStrict: [1000, 7], stricter: [], looser: [0, {}] },
  { member: 'runAsGroup', contract: 0, asStrict: [0], stricter: [1000], looser: [] },
  { member: 'procMount', contract: 'Default', asStrict: ['Default'], stricter: [], looser: ['Unmasked', 'default'] },
  { member: 'procMount', contract: 'Unmasked', asStrict: ['Unmasked'], stricter: ['Default'], looser: [] },
  ...(['seccompProfile', 'appArmorProfile'] as const).flatMap((member): readonly Row[] => [
    {
      member,
      contract: runtime,
      asStrict: [runtime],
      stricter: [localhost('a')],
      looser: [unconfined, {}, 'Localhost'],
    },
    {
      member,
      contract: localhost('a'),
      asStrict: [localhost('a')],
      stricter: [],
      looser: [unconfined, runtime, localhost('b'), { type: 'Localhost' }],
    },
    { member, contract: unconfined, asStrict: [unconfined], stricter: [runtime, localhost('a')], looser: [] },
  ]),
  {
    member: 'seLinuxOptions',
    contract: { type: 'container_t', level: 's0:c1' },
    asStrict: [
      { type: 'container_t', level: 's0:c1' },
      { type: 'container_t', level: 's0:c1', user: '' },
    ],
    stricter: [],
    looser: [
      {},
      { type: 'container_t' },
      { level: 's0:c1' },
      { type: 'spc_t', level: 's0:c1' },
      { type: 'container_t', level: 's0:c1', role: 'sysadm_r' },
      'container_t',
    ],
  },
  {
    member: 'seLinuxOptions',
    contract: { level: 's0:c1' },
    asStrict: [{ level: 's0:c1' }, { level: 's0:c1', type: 'container_init_t' }],
    stricter: [],
    looser: [{ level: 's0:c1', type: 'spc_t' }, { level: 's0' }],
  },
  {
    member: 'capabilities',
    contract: { drop: ['ALL'] },
    asStrict: [{ drop: ['ALL'] }, { drop: ['ALL'], add: [] }, { drop: ['NET_RAW', 'ALL'] }],
    stricter: [],
    looser: [
      { drop: ['NET_RAW'] },
      { drop: ['ALL'], add: ['CHOWN'] },
      { drop: ['all'] },
      { drop: ['ALL'], add: 'CHOWN' },
    ],
    overridden: [{ drop: ['ALL'] }, { drop: ['ALL'] }, { drop: ['ALL'] }, { drop: ['ALL'] }],
  },
  {
    member: 'capabilities',
    contract: { add: ['NET_BIND_SERVICE'], drop: ['ALL'] },
    asStrict: [{ add: ['NET_BIND_SERVICE'], drop: ['ALL'] }],
    stricter: [{ drop: ['ALL'] }, { add: [], drop: ['ALL'] }],
    looser: [
      { add: ['NET_BIND_SERVICE', 'NET_ADMIN'], drop: ['ALL'] },
      { add: ['ALL'], drop: ['ALL'] },
      { add: ['net_bind_service'], drop: ['ALL'] },
    ],
    overridden: [{ add: ['NET_BIND_SERVICE'], drop: ['ALL'] }, { drop: ['ALL'] }, { drop: ['ALL'] }],
  },
  {
    member: 'capabilities',
    contract: { drop: ['NET_RAW', 'MKNOD'] },
    asStrict: [{ drop: ['MKNOD', 'NET_RAW'] }],
    stricter: [{ drop: ['ALL'] }, { drop: ['NET_RAW', 'MKNOD', 'CHOWN'] }],
    looser: [{ drop: ['NET_RAW'] }],
    overridden: [{ drop: ['NET_RAW', 'MKNOD'] }],
  },
  {
    member: 'capabilities',
    contract: { add: ['ALL'] },
    asStrict: [{ add: ['ALL'] }],
    stricter: [{ add: ['CHOWN'] }, { drop: ['ALL'] }, {}],
    looser: [],
  },
];

const ofPods: readonly string[] = [
  'appArmorProfile',
  'runAsGroup',
  'runAsNonRoot',
  'runAsUser',
  'seLinuxOptions',
  'seccompProfile',
];

interface Case {
  readonly member: keyof SecurityContext;
  /** What the contract says. */
  readonly said: unknown;
  readonly held: unknown;
  readonly overridden: unknown;
}

const own = 'containers[0].securityContext';

function casesOf(row: Row, kind: 'asStrict' | 'stricter' | 'looser'): readonly Case[] {
  const { member, contract: said } = row;
  return row[kind].map((held, index) => ({ member, said, held, overridden: row.overridden?.[index] ?? said }));
}

const isOfPod = ({ member }: { readonly member: string }): boolean => ofPods.includes(member);
const isNotOfPod = (row: { readonly member: string }): boolean => !isOfPod(row);
const kept = rows.flatMap((row) => [...casesOf(row, 'asStrict'), ...casesOf(row, 'stricter')]);
const looser = rows.flatMap((row) => casesOf(row, 'looser'));
const both = ['Deny', 'Override'] as const;

describe('a contract', () => {
  it.each(rows)('that says $member: $contract gives it to a container that says nothing', ({ member, contract }) => {
    for (const onConflict of both) {
      for (const container of [undefined, null, {}, { [member]: null }]) {
        const { value, fields } = bind({ contract: { [member]: contract }, container, onConflict });
        expect([value[member], fields]).toEqual([contract, []]);
      }
    }
  });

  it.each(kept)('that says $member: $said leaves a container that says $held', ({ member, said, held }) => {
    const container = { [member]: held };
    for (const onConflict of both)
      expect(bind({ contract: { [member]: said }, container, onConflict })).toEqual({ value: container, fields: [] });
  });

  it.each(looser)('that says $member: $said is not for a container that says $held', (row) => {
    const { member, said, held, overridden } = row;
    const given = { contract: { [member]: said }, container: { [member]: held } };
    expect(bind(given)).toEqual({ value: given.container, fields: [`${own}.${member}`] });
    expect(bind({ ...given, onConflict: 'Override' })).toEqual({ value: { [member]: overridden }, fields: [] });
  });

  it.each(kept.filter(isOfPod))('that says $member: $said leaves a Pod that says $held', ({ member, said, held }) => {
    for (const onConflict of both)
      expect(bind({ contract: { [member]: said }, pod: { [member]: held }, onConflict })).toEqual({
        value: {},
        fields: [],
      });
  });

  it.each(looser.filter(isOfPod))(
    'that says $member: $said is not for a Pod that says $held',
    ({ member, said, held }) => {
      const given = { contract: { [member]: said }, pod: { [member]: held } };
      expect(bind(given)).toEqual({ value: {}, fields: [`securityContext.${member}`] });
      expect(bind({ ...given, onConflict: 'Override' })).toEqual({ value: { [member]: said }, fields: [] });
      const container = { [member]: said };
      expect(bind({ ...given, container })).toEqual({ value: container, fields: [] });
    },
  );

  it.each(looser.filter(isNotOfPod))(
    'that says $member: $said does not care for $held where it has no meaning, in the Pod',
    ({ member, said, held }) => {
      const given = { contract: { [member]: said }, pod: { [member]: held } };
      expect(bind(given)).toEqual({ value: { [member]: said }, fields: [] });
    },
  );
});

describe('a contract that is silent', () => {
  it('sets nothing', () => {
    expect(bind({ contract: {} })).toEqual({ value: {}, fields: [] });
  });

  it.each<{ readonly held: Members; readonly replaced: Members }>([
    { held: { privileged: true }, replaced: { privileged: false } },
    { held: { procMount: 'Unmasked' }, replaced: { procMount: 'Default' } },
    { held: { appArmorProfile: unconfined }, replaced: { appArmorProfile: runtime } },
    { held: { seLinuxOptions: { type: 'spc_t' } }, replaced: { seLinuxOptions: {} } },
    { held: { capabilities: { add: ['SYS_ADMIN'] } }, replaced: { capabilities: {} } },
  ])('asks for no more than Kubernetes gives by default: $held', ({ held, replaced }) => {
    expect(bind({ contract: {}, container: held }).fields).toEqual([`${own}.${String(Object.keys(held)[0])}`]);
    expect(bind({ contract: {}, container: held, onConflict: 'Override' })).toEqual({ value: replaced, fields: [] });
  });

  it.each<Members>([
    { allowPrivilegeEscalation: true },
    { readOnlyRootFilesystem: false },
    { runAsNonRoot: false },
    { seccompProfile: unconfined },
    { seLinuxOptions: { type: 'container_t', level: 's0:c1' } },
    { capabilities: { drop: ['ALL'] } },
    { runAsUser: 1000, windowsOptions: {} },
  ])('leaves what Kubernetes gives by default: %j', (held) => {
    expect(bind({ contract: {}, container: held })).toEqual({ value: held, fields: [] });
  });
});

const confined = {
  allowPrivilegeEscalation: false,
  capabilities: { drop: ['ALL'] },
  runAsNonRoot: true,
  seccompProfile: runtime,
};

describe('a floor', () => {
  it('restricted is set where nothing is said, with or without a contract', () => {
    expect(bind({ floor: 'restricted' })).toEqual({ value: confined, fields: [] });
    expect(bind({ floor: 'restricted', contract: {} })).toEqual({ value: confined, fields: [] });
  });

  it('restricted sets in a Pod for Windows what such a Pod may have', () => {
    const podSpec = { os: { name: 'windows' } };
    expect(bindSecurityContext({ floor: 'restricted' }, undefined, podSpec, 'Deny', own).value).toEqual({
      runAsNonRoot: true,
    });
  });

  it.each(['baseline', 'privileged'] as const)('%s sets nothing', (floor) => {
    expect(bind({ floor })).toEqual({ value: {}, fields: [] });
  });

  it.each<{ readonly contract: SecurityContext; readonly floor: PodSecurityLevel; readonly value: Members }>([
    { contract: { privileged: true }, floor: 'baseline', value: { privileged: false } },
    { contract: { seccompProfile: { type: 'Unconfined' } }, floor: 'baseline', value: { seccompProfile: runtime } },
    { contract: { seLinuxOptions: { type: 'spc_t' } }, floor: 'baseline', value: { seLinuxOptions: {} } },
    {
      contract: { capabilities: { add: ['SYS_ADMIN', 'CHOWN'] } },
      floor: 'baseline',
      value: { capabilities: { add: ['CHOWN'] } },
    },
    { contract: { capabilities: { add: ['CHOWN'] } }, floor: 'restricted', value: confined },
    { contract: { runAsNonRoot: false, allowPrivilegeEscalation: true }, floor: 'restricted', value: confined },
    {
      contract: { capabilities: { add: ['NET_BIND_SERVICE'] } },
      floor: 'restricted',
      value: { ...confined, capabilities: { add: ['NET_BIND_SERVICE'], drop: ['ALL'] } },
    },
    {
      contract: { seccompProfile: { type: 'Localhost', localhostProfile: 'a' } },
      floor: 'restricted',
      value: { ...confined, seccompProfile: localhost('a') },
    },
    { contract: { privileged: true }, floor: 'privileged', value: { privileged: true } },
  ])('$floor is stricter than a contract that says $contract', ({ contract, floor, value }) => {
    expect(bind({ contract, floor })).toEqual({ value, fields: [] });
  });

  // What is left of it is refused with the Pod as a whole.
  it('is restored by Override, and left to the check of the Pod by Deny', () => {
    const container = { privileged: true, capabilities: { add: ['SYS_ADMIN', 'CHOWN'] } };
    expect(bind({ floor: 'baseline', container })).toEqual({ value: container, fields: [] });
    expect(bind({ floor: 'baseline', container, onConflict: 'Override' })).toEqual({
      value: { privileged: false, capabilities: { add: ['CHOWN'] } },
      fields: [],
    });
  });
});

describe('an answer', () => {
  it('keeps what it knows nothing about', () => {
    const container = { windowsOptions: { runAsUserName: 'a' }, newerThanThis: 1 };
    expect(bind({ contract: { runAsNonRoot: true }, container }).value).toEqual({ ...container, runAsNonRoot: true });
  });

  it('names the field, both values and the way out', () => {
    const container = { runAsUser: 0, privileged: true };
    expect(
      bindSecurityContext({ contract: { runAsUser: 7 }, floor: 'privileged' }, container, {}, 'Deny', own).conflicts,
    ).toMatchInlineSnapshot(`
      [
        {
          "code": "CONTRACT_CONFLICT",
          "field": "containers[0].securityContext.privileged",
          "message": "true is looser than what the contract allows, false; write that, or leave it out",
        },
        {
          "code": "CONTRACT_CONFLICT",
          "field": "containers[0].securityContext.runAsUser",
          "message": "0 is looser than what the contract allows, 7; write that, or leave it out",
        },
      ]
    `);
  });
});
