import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bindSecurityContext } from '../../../src/contract/bind-security-context.ts';
import { podSecurityConflicts, strictestLevel } from '../../../src/contract/pod-security.ts';
import type { SecurityContext } from '../../../src/contract/security-context.ts';
import { isAsStrict, membersOf, strictest } from '../../../src/contract/security-lattice.ts';
import type { OnConflict, PodSecurityLevel } from '../../../src/policy/action-policy.ts';
import { rightsOf, type Members } from './rights.ts';

const numRuns = 2_000;

const flag = fc.boolean();
const user = fc.constantFrom(0, 1, 1000);
const profile = (names: readonly string[]): fc.Arbitrary<Members> =>
  fc.oneof(
    fc.constantFrom<Members>({ type: 'RuntimeDefault' }, { type: 'Unconfined' }),
    fc.constantFrom(...names).map((localhostProfile) => ({ type: 'Localhost', localhostProfile })),
  );
const capability = fc.constantFrom('ALL', 'NET_BIND_SERVICE', 'CHOWN', 'NET_RAW', 'SYS_ADMIN');
const some = fc.uniqueArray(capability, { maxLength: 3 });
const optionally = { requiredKeys: [] };

/** With one name there is nothing that is neither stricter nor looser. */
function contextOf(profiles: readonly string[], levels: readonly string[]): fc.Arbitrary<Members> {
  return fc.record(
    {
      allowPrivilegeEscalation: flag,
      appArmorProfile: profile(profiles),
      capabilities: fc.record({ add: some, drop: some }, optionally),
      privileged: flag,
      procMount: fc.constantFrom('Default', 'Unmasked'),
      readOnlyRootFilesystem: flag,
      runAsGroup: user,
      runAsNonRoot: flag,
      runAsUser: user,
      seLinuxOptions: fc.record(
        {
          type: fc.constantFrom('container_t', 'container_init_t', 'spc_t'),
          level: fc.constantFrom(...levels),
          user: fc.constantFrom('', 'u'),
        },
        optionally,
      ),
      seccompProfile: profile(profiles),
    },
    optionally,
  );
}

const anyContext = contextOf(['a', 'b'], ['s0', 's0:c1']);
// A contract is of this type once it was parsed.
const contract = anyContext as fc.Arbitrary<SecurityContext>;
const level = fc.constantFrom<PodSecurityLevel>('privileged', 'baseline', 'restricted');
const onConflict = fc.constantFrom<OnConflict>('Deny', 'Override');
const podMembers = ['appArmorProfile', 'runAsGroup', 'runAsNonRoot', 'runAsUser', 'seLinuxOptions', 'seccompProfile'];

const given = fc.record({
  contract: fc.option(contract, { nil: undefined }),
  floor: level,
  container: fc.option(anyContext, { nil: undefined }),
  pod: anyContext.map((context) =>
    Object.fromEntries(Object.entries(context).filter(([name]) => podMembers.includes(name))),
  ),
  onConflict,
});

type Given = typeof given extends fc.Arbitrary<infer T> ? T : never;

function bind({ contract: said, floor, container, pod, onConflict: way }: Given): {
  readonly value: Members;
  readonly conflicts: readonly unknown[];
} {
  const demand = { floor, ...(said === undefined ? {} : { contract: said }) };
  return bindSecurityContext(demand, container, { securityContext: pod }, way, 'containers[0].securityContext');
}

/** What counts for the container. core/v1: its own members before its Pod's, each as a whole. */
function effective(pod: Members, container: Members | undefined): Members {
  return { ...pod, ...container };
}

function holdsFor(property: (one: Given) => void, where: (one: Given) => boolean = () => true): void {
  fc.assert(fc.property(given.filter(where), property), { numRuns });
}

describe('binding a security context', () => {
  it('changes nothing the second time', () => {
    holdsFor((one) => {
      const first = bind(one);
      expect(bind({ ...one, container: first.value })).toEqual(first);
    });
  });

  it('changes nothing after the API server has left out what is empty', () => {
    holdsFor((one) => {
      const { value } = bind(one);
      const stored = withoutEmptyLists(value);
      expect(bind({ ...one, container: stored }).value).toEqual(stored);
    });
  });

  it('never leaves a conflict where the contract replaces', () => {
    holdsFor((one) => {
      expect(bind({ ...one, onConflict: 'Override' }).conflicts).toEqual([]);
    });
  });

  it('never gives more than the contract', () => {
    holdsFor((one) => {
      const { value, conflicts } = bind(one);
      if (one.contract === undefined || conflicts.length > 0) return;
      // Which user an image has is not known here: of users a contract that names none says nothing.
      const unnamed = podMembers.filter((name) => name.startsWith('runAs') && !(name in (one.contract ?? {})));
      const isNamed = (right: string): boolean => !unnamed.some((name) => right.startsWith(name));
      expect(excess(rightsOf(effective(one.pod, value)).filter(isNamed), rightsOf({ ...one.contract }))).toEqual([]);
    });
  });

  it('never gives more than the Pod has where it says something, and the contract does not replace it', () => {
    holdsFor((one) => {
      const { value } = bind({ ...one, onConflict: 'Deny' });
      const before = effective(one.pod, one.container);
      const after = effective(one.pod, value);
      for (const name of Object.keys(before))
        expect(excess(rightsOf(only(after, name)), rightsOf(only(before, name)))).toEqual([]);
    });
  });

  it('never gives more than the Pod has where it says something that can be compared', () => {
    const comparable = contextOf(['a'], ['s0']);
    const property = fc.property(comparable, comparable, level, (said, container, floor) => {
      // Of labels there is no order but equality.
      const { seLinuxOptions: _label, ...held } = container;
      // As above.
      const one = {
        contract: said as SecurityContext,
        floor,
        container: held,
        pod: {},
        onConflict: 'Override' as const,
      };
      const after = bind(one).value;
      for (const name of Object.keys(held))
        expect(excess(rightsOf(only(after, name)), rightsOf(only(held, name)))).toEqual([]);
    });
    fc.assert(property, { numRuns });
  });

  it('never gives a container that says nothing more than the floor', () => {
    holdsFor(
      (one) => {
        const container = { name: 'c', securityContext: bind({ ...one, container: undefined, pod: {} }).value };
        expect(outside(one.floor, container)).toEqual([]);
      },
      // Root is refused with the Pod as a whole.
      (one) => one.contract?.runAsUser !== 0,
    );
  });

  it('never leaves a container more than the floor where the contract replaces', () => {
    holdsFor(
      (one) => {
        const { value } = bind({ ...one, pod: {}, onConflict: 'Override' });
        expect(outside(one.floor, { name: 'c', securityContext: value })).toEqual([]);
      },
      (one) => effective({ ...one.contract }, one.container)['runAsUser'] !== 0,
    );
  });

  it('comes to the same for several floors in any order, and for the strictest of them', () => {
    fc.assert(
      fc.property(given, level, level, (one, a, b) => {
        const after = (...floors: readonly PodSecurityLevel[]): readonly string[] => {
          const bound = floors.reduce<Members | undefined>(
            (container, floor) => bind({ ...one, floor, container, onConflict: 'Override' }).value,
            one.container,
          );
          return rightsOf(effective(one.pod, bound)).sort();
        };
        expect(after(a, b)).toEqual(after(b, a));
        expect(after(a, b)).toEqual(after(strictestLevel(a, b)));
      }),
      { numRuns },
    );
  });
});

function outside(floor: PodSecurityLevel, container: Members): readonly string[] {
  // procMount is for the Pod as a whole in baseline: it depends on hostUsers.
  return podSecurityConflicts(floor, { hostUsers: floor === 'baseline' ? false : null, containers: [container] }).map(
    ({ field, message }) => `${field}: ${message}`,
  );
}

function only(context: Members, name: string): Members {
  return { [name]: context[name] };
}

/** Of the rights, those that are not allowed. */
function excess(rights: readonly string[], allowed: readonly string[]): readonly string[] {
  return rights.filter((right) => !allowed.includes(right));
}

function withoutEmptyLists(value: Members): Members {
  const { capabilities, ...rest } = value;
  if (capabilities === undefined) return value;
  const lists = Object.entries(capabilities as Members).filter(([, list]) => !Array.isArray(list) || list.length > 0);
  return { ...rest, capabilities: Object.fromEntries(lists) };
}

describe('the strictest of two', () => {
  const comparable = contextOf(['a'], ['s0']).map(
    ({ seLinuxOptions: _label, ...context }) => context as SecurityContext,
  );

  it('is as strict as each of them, whichever comes first', () => {
    fc.assert(
      fc.property(comparable, comparable, (a, b) => {
        for (const one of [strictest(a, b), strictest(b, a)]) {
          const looser = membersOf(one).filter(
            (name) => !isAsStrict(name, one[name], a) || !isAsStrict(name, one[name], b),
          );
          expect(looser).toEqual([]);
          expect(new Set(membersOf(one))).toEqual(new Set([...membersOf(a), ...membersOf(b)]));
        }
      }),
      { numRuns },
    );
  });

  it('gives the same rights, whichever comes first', () => {
    fc.assert(
      fc.property(comparable, comparable, (a, b) => {
        expect(rightsOf({ ...strictest(a, b) }).sort()).toEqual(rightsOf({ ...strictest(b, a) }).sort());
      }),
      { numRuns },
    );
  });
});
