/** As whom a Pod speaks to the API server: only as its actions' contracts say, and not at all when they say nothing. */
import { quoted } from '../kernel/failure.ts';
import type { ActionRules, OnConflict } from '../policy/action-policy.ts';
import type { Conflict } from './conflict.ts';
import type { ActionContract } from './model.ts';
import { tokenVolumes, withoutDefaultToken } from './token-volumes.ts';

type PodSpec = Readonly<Record<string, unknown>>;

export interface AccountDemand {
  readonly rules: ActionRules;
  /** Absent: the image has none; then only the policies' allowlists count. */
  readonly contract?: ActionContract;
}

export interface BoundAccount<D> {
  readonly podSpec: PodSpec;
  readonly conflicts: readonly { readonly demand: D; readonly conflict: Conflict }[];
}

/**
 * The demands of all actions of one Pod, which share its account: the first one settles it, and what does not suit the
 * others is a conflict of theirs. No Override helps against that.
 */
export function bindAccount<D extends AccountDemand>(given: PodSpec, demands: readonly D[]): BoundAccount<D> {
  const [first] = demands.filter(({ contract }) => contract !== undefined);
  const isOverride = demands.every(({ rules }) => rules.contract.onConflict === 'Override');
  const podSpec = first === undefined ? given : granted(given, wishOf(first), isOverride ? 'Override' : 'Deny');
  const conflicts = demands.flatMap((demand) => {
    const wish = wishOf(demand);
    const found = isCompatible(wish, first) ? wishConflicts(podSpec, demand, wish) : [dispute(demand, first)];
    return [...found, ...allowlistConflicts(podSpec, demand)].map((conflict) => ({ demand, conflict }));
  });
  return { podSpec, conflicts };
}

/** `none`: there is no contract. `nobody`: no token. `anybody`: a token, of whatever account the Pod names. */
type Wish = { readonly kind: 'none' | 'nobody' | 'anybody' } | { readonly kind: 'account'; readonly name: string };

function wishOf({ contract, rules }: AccountDemand): Wish {
  if (contract === undefined) return { kind: 'none' };
  if (contract.permissions.length === 0) return { kind: 'nobody' };
  if (rules.serviceAccounts.from === 'Workload') return { kind: 'anybody' };
  return { kind: 'account', name: `${contract.name}-sa` };
}

function isCompatible(wish: Wish, first: AccountDemand | undefined): boolean {
  if (wish.kind === 'none' || first === undefined) return true;
  const other = wishOf(first);
  if (wish.kind === 'account' && other.kind === 'account') return wish.name === other.name;
  return (wish.kind === 'nobody') === (other.kind === 'nobody');
}

/** Where nothing is said, the wish; where something else is said, only what may be overridden. */
function granted(podSpec: PodSpec, wish: Wish, onConflict: OnConflict): PodSpec {
  const replaces = onConflict === 'Override';
  switch (wish.kind) {
    case 'none':
    case 'anybody':
      return podSpec;
    case 'nobody':
      if (podSpec['automountServiceAccountToken'] === true && !replaces) return podSpec;
      return { ...withoutDefaultToken(podSpec), automountServiceAccountToken: false };
    case 'account': {
      const name = accountOf(podSpec);
      if (name === wish.name || (name !== 'default' && !replaces)) return podSpec;
      const { serviceAccount: _deprecated, ...rest } = podSpec;
      return { ...rest, serviceAccountName: wish.name };
    }
  }
}

/** The API server names the account "default" where none is named, before any webhook is asked. */
function accountOf(podSpec: PodSpec): string {
  const names = [podSpec['serviceAccountName'], podSpec['serviceAccount']];
  return names.find((name): name is string => typeof name === 'string' && name !== '') ?? 'default';
}

function wishConflicts(podSpec: PodSpec, { contract }: AccountDemand, wish: Wish): readonly Conflict[] {
  switch (wish.kind) {
    case 'none':
    case 'anybody':
      return [];
    case 'nobody': {
      const why = `${contract?.name} has no permissions in its contract, so its Pod gets no service account token`;
      const volumes = tokenVolumes(podSpec).map(({ index }) => conflict(`volumes[${index}]`, why));
      if (podSpec['automountServiceAccountToken'] !== true) return volumes;
      return [conflict('automountServiceAccountToken', `${why}; write false or leave it out`)];
    }
    case 'account': {
      const name = accountOf(podSpec);
      if (name === wish.name) return [];
      const message = `${quoted(name, 64)} is not the service account of the contract; write ${wish.name} or leave it out`;
      return [conflict('serviceAccountName', message)];
    }
  }
}

function dispute(demand: AccountDemand, first: AccountDemand | undefined): Conflict {
  const [one, other] = [first, demand].map((of) => (of === undefined ? '' : needOf(of)));
  const message = `${one} and ${other}, and one Pod has one account; run them in Pods of their own`;
  return conflict('serviceAccountName', message);
}

function needOf(demand: AccountDemand): string {
  const name = demand.contract?.name ?? '';
  const wish = wishOf(demand);
  switch (wish.kind) {
    case 'account':
      return `${name} needs the service account ${wish.name}`;
    case 'nobody':
      return `${name} may have no service account token`;
    case 'none':
    case 'anybody':
      return `${name} needs a service account token`;
  }
}

function allowlistConflicts(podSpec: PodSpec, { rules }: AccountDemand): readonly Conflict[] {
  const name = accountOf(podSpec);
  // The account that nobody named, without its token, is nobody.
  if (name === 'default' && podSpec['automountServiceAccountToken'] === false) return [];
  if (rules.serviceAccounts.allow.every((list) => list.some((glob) => glob.matches(name)))) return [];
  const message = `service account ${quoted(name, 64)} is not in the allowlist of ${rules.policies.join(', ')}`;
  return [{ code: 'SERVICE_ACCOUNT_NOT_ALLOWED', field: 'serviceAccountName', message }];
}

function conflict(field: string, message: string): Conflict {
  return { code: 'CONTRACT_CONFLICT', field, message };
}
