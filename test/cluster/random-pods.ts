/**
 * Pods near the border of the Pod Security Standards: some that are confined and some that say nothing, with a few edits
 * in the fields that the standards speak about. Most are valid Pods.
 */
import fc from 'fast-check';
import { containers, linuxEdits, windowsEdits, type Edit, type Target } from './pod-edits.ts';

type Members = Readonly<Record<string, unknown>>;

export interface RandomPod {
  readonly annotations: Members;
  readonly spec: Members;
}

const container = (name: string, securityContext: Members | undefined): Members => ({
  name,
  image: 'registry.example/pause:1',
  ...(securityContext === undefined ? {} : { securityContext }),
});

const ofContainer: Members = { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } };
const ofBoth: Members = { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } };

/** Confined by the Pod, by each container, or not at all. */
const starts: readonly { readonly pod?: Members; readonly containers?: Members }[] = [
  { pod: ofBoth, containers: ofContainer },
  { containers: { ...ofContainer, ...ofBoth } },
  { pod: ofBoth, containers: { ...ofContainer, ...ofBoth } },
  {},
];

function start(index: number): Members {
  const { pod, containers } = starts[index] ?? {};
  return {
    ...(pod === undefined ? {} : { securityContext: pod }),
    initContainers: [container('init', containers)],
    containers: [container('first', containers), container('second', containers)],
  };
}

const appArmor = fc.dictionary(
  fc.constantFrom(...containers).map((name) => `container.apparmor.security.beta.kubernetes.io/${name}`),
  fc.constantFrom('unconfined', 'runtime/default', 'localhost/a'),
  { maxKeys: 1 },
);

const linuxPods = fc
  .record({
    annotations: fc.oneof({ weight: 9, arbitrary: fc.constant({}) }, { weight: 1, arbitrary: appArmor }),
    from: fc.nat(starts.length - 1),
    edits: fc.array(linuxEdits, { maxLength: 5 }),
  })
  .map(({ annotations, from, edits }): RandomPod => ({
    annotations,
    spec: possible(edits.reduce(edited, start(from))),
  }));

const windowsPods = fc.array(windowsEdits, { maxLength: 4 }).map((edits): RandomPod => ({
  annotations: {},
  spec: edits.reduce(edited, { ...start(3), os: { name: 'windows' } }),
}));

export const randomPods: fc.Arbitrary<RandomPod> = fc.oneof(
  { weight: 19, arbitrary: linuxPods },
  { weight: 1, arbitrary: windowsPods },
);

const places: Readonly<Record<Target, readonly string[]>> = {
  pod: [],
  first: ['containers', '0'],
  second: ['containers', '1'],
  init: ['initContainers', '0'],
};

function edited(spec: Members, { target, path, value }: Edit): Members {
  return members(withValue(spec, [...places[target], ...path.split('.')], value));
}

function withValue(inner: unknown, [name, ...rest]: readonly string[], value: unknown): unknown {
  if (name === undefined) return value;
  if (Array.isArray(inner))
    return inner.map((item: unknown, index) => (String(index) === name ? withValue(item, rest, value) : item));
  return { ...members(inner), [name]: withValue(members(inner)[name], rest, value) };
}

/** Without most of what a valid Pod cannot have together. core/v1 validation */
function possible(spec: Members): Members {
  const sharesNode = [spec['hostNetwork'], spec['hostPID'], spec['hostIPC']].includes(true);
  const inUserNamespace = spec['hostUsers'] === false && !sharesNode;
  return {
    ...spec,
    ...(sharesNode ? { hostUsers: null, securityContext: { ...members(spec['securityContext']), sysctls: null } } : {}),
    initContainers: items(spec['initContainers']).map((one) => possibleContainer(one, inUserNamespace)),
    containers: items(spec['containers']).map((one) => possibleContainer(one, inUserNamespace)),
  };
}

function possibleContainer(one: Members, inUserNamespace: boolean): Members {
  const context = one['securityContext'];
  if (context === undefined || context === null) return one;
  const { procMount, privileged, allowPrivilegeEscalation, ...rest } = members(context);
  const securityContext = {
    ...rest,
    procMount: procMount === 'Unmasked' && !inUserNamespace ? null : procMount,
    privileged,
    allowPrivilegeEscalation: privileged === true ? null : allowPrivilegeEscalation,
  };
  return { ...one, securityContext };
}

function members(value: unknown): Members {
  // What is made in this file.
  return (value ?? {}) as Members;
}

function items(value: unknown): readonly Members[] {
  // What is made in this file.
  return value as readonly Members[];
}
