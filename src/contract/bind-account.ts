/** As whom a Pod speaks to the API server: only as its action's contract says, and not at all when that says nothing. */
import { quoted } from '../kernel/failure.ts';
import { asRecord } from '../kernel/strict-json.ts';
import type { ActionRules, OnConflict } from '../policy/action-policy.ts';
import type { Conflict, Settled } from './conflict.ts';
import type { ActionContract } from './model.ts';

type PodSpec = Readonly<Record<string, unknown>>;

export interface AccountDemand {
  readonly contract: ActionContract;
  readonly rules: ActionRules;
}

/** All actions of one Pod share its account: they must agree on it. */
export function bindAccount(podSpec: PodSpec, demands: readonly AccountDemand[]): Settled<PodSpec> {
  const withoutAccess = demands.find(({ contract }) => contract.permissions.length === 0);
  if (withoutAccess !== undefined) return withoutToken(podSpec, withoutAccess);
  return demands.reduce<Settled<PodSpec>>(
    ({ value, conflicts }, demand) => {
      const next = withAccount(value, demand);
      return { value: next.value, conflicts: [...conflicts, ...next.conflicts] };
    },
    { value: podSpec, conflicts: [] },
  );
}

/** Permissions of nobody need no token: of an action that asks for none, nothing in its Pod gets one. */
function withoutToken(podSpec: PodSpec, { contract, rules }: AccountDemand): Settled<PodSpec> {
  const { onConflict } = rules.contract;
  const asked = podSpec['automountServiceAccountToken'] === true;
  const conflicts: Conflict[] = [];
  if (asked && onConflict === 'Deny') {
    const why = `${contract.name} has no permissions in its contract, so its Pod gets no token; write false or leave it out`;
    conflicts.push({ code: 'CONTRACT_CONFLICT', field: 'automountServiceAccountToken', message: why });
  }
  const stripped = withoutDefaultToken(podSpec);
  const left = tokenVolumes(stripped).map(({ index }): Conflict => ({
    code: 'CONTRACT_CONFLICT',
    field: `volumes[${index}]`,
    message: `${contract.name} has no permissions in its contract, so its Pod gets no service account token`,
  }));
  conflicts.push(...left);
  return { value: { ...stripped, automountServiceAccountToken: false }, conflicts };
}

/** The API server names the account "default" where none is named, before any webhook is asked. */
const unnamed: ReadonlySet<unknown> = new Set([undefined, null, '', 'default']);

function withAccount(podSpec: PodSpec, { contract, rules }: AccountDemand): Settled<PodSpec> {
  const { from, allow } = rules.serviceAccounts;
  const given = podSpec['serviceAccountName'];
  const own = `${contract.name}-sa`;
  const isOpen = unnamed.has(given);
  const name = from === 'Contract' && (isOpen || overrides(given, own, rules.contract.onConflict)) ? own : given;
  const conflicts: Conflict[] = [];
  if (from === 'Contract' && name !== own) {
    const message = `${quoted(String(given), 64)} is not the service account of the contract; write ${own} or leave it out`;
    conflicts.push({ code: 'CONTRACT_CONFLICT', field: 'serviceAccountName', message });
  }
  const effective = typeof name === 'string' && name !== '' ? name : 'default';
  if (!allow.every((list) => list.some((glob) => glob.matches(effective)))) {
    const message = `service account ${quoted(effective, 64)} is not in the allowlist of ${rules.policies.join(', ')}`;
    conflicts.push({ code: 'SERVICE_ACCOUNT_NOT_ALLOWED', field: 'serviceAccountName', message });
  }
  if (name === given) return { value: podSpec, conflicts };
  const { serviceAccount: _deprecated, ...rest } = podSpec;
  return { value: { ...rest, serviceAccountName: name }, conflicts };
}

function overrides(given: unknown, own: string, onConflict: OnConflict): boolean {
  return given !== own && onConflict === 'Override';
}

const tokenPath = '/var/run/secrets/kubernetes.io/serviceaccount';

/** Takes out what the API server itself has put into a Pod for the token: one projected volume, and its mounts. */
function withoutDefaultToken(podSpec: PodSpec): PodSpec {
  const mounted = tokenVolumes(podSpec).filter(({ name }) => name.startsWith('kube-api-access-'));
  if (mounted.length === 0) return podSpec;
  const names = new Set(mounted.map(({ name }) => name));
  const without = (list: unknown, drop: (item: PodSpec) => boolean): unknown =>
    Array.isArray(list) ? list.filter((item: unknown) => !drop(asRecord(item) ?? {})) : list;
  const isMount = (mount: PodSpec): boolean =>
    names.has(String(mount['name'])) && String(mount['mountPath']).startsWith(tokenPath);
  const containers = (list: unknown): unknown =>
    Array.isArray(list)
      ? list.map((item: unknown) => {
          const container = asRecord(item) ?? {};
          const { volumeMounts } = container;
          return volumeMounts === undefined ? item : { ...container, volumeMounts: without(volumeMounts, isMount) };
        })
      : list;
  const lists = ['containers', 'initContainers'].filter((name) => podSpec[name] !== undefined);
  return {
    ...podSpec,
    ...Object.fromEntries(lists.map((name) => [name, containers(podSpec[name])])),
    volumes: without(podSpec['volumes'], (volume) => names.has(String(volume['name']))),
  };
}

/** Volumes that hold a token for the API server. core/v1 ProjectedVolumeSource */
function tokenVolumes(podSpec: PodSpec): readonly { readonly index: number; readonly name: string }[] {
  const volumes: readonly unknown[] = Array.isArray(podSpec['volumes']) ? podSpec['volumes'] : [];
  return volumes.flatMap((volume, index) => {
    const record = asRecord(volume);
    const sources = asRecord(record?.['projected'])?.['sources'];
    const holdsToken =
      Array.isArray(sources) &&
      sources.some((source: unknown) => asRecord(source)?.['serviceAccountToken'] !== undefined);
    return holdsToken ? [{ index, name: String(record?.['name']) }] : [];
  });
}
