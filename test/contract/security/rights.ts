/** What a container can do, as a set: an order of security contexts that knows nothing of the one under test. */
export type Members = Readonly<Record<string, unknown>>;

const allCapabilities = ['CHOWN', 'NET_RAW', 'NET_BIND_SERVICE', 'SYS_ADMIN'];
const givenCapabilities = ['CHOWN', 'NET_RAW', 'NET_BIND_SERVICE'];
const containerTypes = ['', 'container_t', 'container_init_t', 'container_kvm_t', 'container_engine_t'];
const levels = ['', 's0', 's0:c1'];
const profiles = ['a', 'b'];

/** By what a container runtime makes of each member, and of its absence. */
export function rightsOf(context: Members): string[] {
  const is = (name: string, value: unknown): readonly string[] => (context[name] === value ? [name] : []);
  const isNot = (name: string, value: unknown): readonly string[] => (context[name] === value ? [] : [name]);
  return [
    ...isNot('allowPrivilegeEscalation', false),
    ...is('privileged', true),
    ...isNot('readOnlyRootFilesystem', true),
    ...isNot('runAsNonRoot', true),
    ...is('runAsUser', 0),
    ...is('runAsGroup', 0),
    ...is('procMount', 'Unmasked'),
    ...profileRights('seccompProfile', context['seccompProfile'], 'Unconfined'),
    ...profileRights('appArmorProfile', context['appArmorProfile'], 'RuntimeDefault'),
    ...labelRights(context['seLinuxOptions'] as Members | undefined),
    ...capabilityRights(context['capabilities'] as { add?: string[]; drop?: string[] } | undefined),
  ];
}

function profileRights(name: string, value: unknown, byDefault: string): readonly string[] {
  const { type = byDefault, localhostProfile } = (value ?? {}) as Members;
  const own = profiles.map((profile) => `${name}: ${profile}`);
  if (type === 'Localhost') return [`${name}: ${String(localhostProfile)}`];
  return type === 'RuntimeDefault' ? [...own, `${name}: runtime`] : [...own, `${name}: runtime`, `${name}: any`];
}

/** A runtime that may choose may choose each of them. With a type that confines nothing, a container has all of them. */
function labelRights(options: Members = {}): readonly string[] {
  const { type = '', level = '', user = '' } = options;
  const isConfining = containerTypes.includes(String(type));
  const types = type === '' ? containerTypes : isConfining ? [type] : [...containerTypes, type];
  const chosen = level === '' ? levels : [level];
  return [
    ...types.map((one) => `type ${String(one)}`),
    ...chosen.map((one) => `level ${String(one)}`),
    ...(user === '' ? [] : [`user ${String(user)}`]),
  ];
}

/** In the order of containerd: ALL first, then what is added, then what is dropped by name. */
function capabilityRights({ add = [], drop = [] }: { add?: string[]; drop?: string[] } = {}): readonly string[] {
  const base = drop.includes('ALL') ? [] : add.includes('ALL') ? allCapabilities : givenCapabilities;
  const held = new Set([...base, ...add.filter((name) => name !== 'ALL')]);
  for (const name of drop) held.delete(name);
  return [...held].map((name) => `capability ${name}`);
}
