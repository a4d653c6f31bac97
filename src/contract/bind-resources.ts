import { quoted } from '../kernel/failure.ts';
import { asRecord } from '../kernel/strict-json.ts';
import type { OnConflict } from '../policy/action-policy.ts';
import type { Conflict, Settled } from './conflict.ts';
import type { ActionContract, Resources } from './model.ts';
import { compareQuantities, parseQuantity, type Quantity } from './quantity.ts';

export type ResourcesOfContract = ActionContract['resources'];
type Values = Readonly<Record<string, unknown>>;

/**
 * Limits and requests of a container within those of the contract. What is absent is set, what is smaller is kept, what
 * is larger is a conflict, or is replaced. Names that the contract does not speak of stay as they are.
 */
export function bindResources(
  contract: ResourcesOfContract,
  given: unknown,
  onConflict: OnConflict,
  field: string,
): Settled<Values> {
  const resources = asRecord(given) ?? {};
  const ofContract = { absent: contract.limits, ceilings: effective(contract.limits), isLimit: true };
  const limits = bounded(ofContract, resources['limits'], onConflict, `${field}.limits`);
  // A request may be above the contract's own as long as it stays below the limit that holds.
  const held = effective(quantitiesOf(limits.value, [...contract.requests.keys(), ...contract.limits.keys()]));
  const ceilings = new Map([...contract.requests, ...effective(contract.limits), ...held]);
  const absent = new Map([...contract.requests].map(([name, own]) => [name, smaller(own, ceilings.get(name))]));
  const requests = bounded(
    { absent, ceilings, isLimit: false },
    resources['requests'],
    onConflict,
    `${field}.requests`,
  );
  const value = {
    ...resources,
    ...(isEmpty(limits.value) ? {} : { limits: limits.value }),
    ...(isEmpty(requests.value) ? {} : { requests: requests.value }),
  };
  return { value, conflicts: [...limits.conflicts, ...requests.conflicts] };
}

interface Bounds {
  /** What is set where nothing is. */
  readonly absent: Resources;
  /** What may not be exceeded. */
  readonly ceilings: Resources;
  readonly isLimit: boolean;
}

function bounded(
  { absent, ceilings, isLimit }: Bounds,
  given: unknown,
  onConflict: OnConflict,
  field: string,
): Settled<Values> {
  const value: Record<string, unknown> = { ...asRecord(given) };
  const conflicts: Conflict[] = [];
  for (const [name, quantity] of absent) value[name] ??= quantity.text;
  for (const [name, ceiling] of ceilings) {
    const found = value[name];
    if (found === undefined || (isWithin(found, ceiling) && !(isLimit && unlimitedByZero.has(name) && isZero(found))))
      continue;
    if (onConflict === 'Override') value[name] = ceiling.text;
    else conflicts.push(tooLarge(`${field}[${name}]`, found, ceiling));
  }
  return { value, conflicts };
}

function isWithin(found: unknown, ceiling: Quantity): boolean {
  const quantity = quantityOf(found);
  return quantity !== undefined && quantity.nanos >= 0n && compareQuantities(quantity, ceiling) <= 0;
}

/** The kubelet takes a limit of 0 for none. */
const unlimitedByZero: ReadonlySet<string> = new Set(['cpu', 'memory', 'ephemeral-storage']);

function isZero(found: unknown): boolean {
  return quantityOf(found)?.nanos === 0n;
}

/** Custom resources may hold numbers where Kubernetes' own kinds hold texts. */
function quantityOf(found: unknown): Quantity | undefined {
  return typeof found === 'string' || typeof found === 'number' ? parseQuantity(String(found)) : undefined;
}

function quantitiesOf(values: Values, names: readonly string[]): Resources {
  const entries = names.map((name) => [name, quantityOf(values[name])] as const);
  return new Map(entries.flatMap(([name, quantity]) => (quantity === undefined ? [] : [[name, quantity] as const])));
}

/** Limits that limit something. */
function effective(limits: Resources): Resources {
  return new Map([...limits].filter(([name, { nanos }]) => nanos > 0n || (nanos === 0n && !unlimitedByZero.has(name))));
}

function smaller(own: Quantity, ceiling: Quantity | undefined): Quantity {
  return ceiling !== undefined && compareQuantities(ceiling, own) < 0 ? ceiling : own;
}

function tooLarge(field: string, found: unknown, ceiling: Quantity): Conflict {
  const shown = quoted(typeof found === 'string' ? found : (JSON.stringify(found) ?? ''), 64);
  return {
    code: 'CONTRACT_CONFLICT',
    field,
    message: `${shown} is more than the contract allows${isZero(found) ? ', since 0 means no limit' : ''}; write ${ceiling.text} or less, or leave it out`,
  };
}

function isEmpty(values: Values): boolean {
  return Object.keys(values).length === 0;
}
