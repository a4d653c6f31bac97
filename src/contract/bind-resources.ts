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
  const limits = bounded(contract.limits, contract.limits, resources['limits'], onConflict, `${field}.limits`);
  // A request may be above the contract's own as long as it stays below the limit that holds.
  const ceilings = new Map([...contract.requests, ...contract.limits, ...quantitiesOf(limits.value)]);
  const wanted = new Map([...contract.requests].map(([name, own]) => [name, smaller(own, ceilings.get(name))]));
  const requests = bounded(wanted, ceilings, resources['requests'], onConflict, `${field}.requests`);
  const value = {
    ...resources,
    ...(isEmpty(limits.value) ? {} : { limits: limits.value }),
    ...(isEmpty(requests.value) ? {} : { requests: requests.value }),
  };
  return { value, conflicts: [...limits.conflicts, ...requests.conflicts] };
}

/** `absent`: what is set where nothing is. `ceilings`: what may not be exceeded. */
function bounded(
  absent: Resources,
  ceilings: Resources,
  given: unknown,
  onConflict: OnConflict,
  field: string,
): Settled<Values> {
  const value: Record<string, unknown> = { ...asRecord(given) };
  const conflicts: Conflict[] = [];
  for (const [name, quantity] of absent) value[name] ??= quantity.text;
  for (const [name, ceiling] of ceilings) {
    const found = value[name];
    if (found === undefined || isWithin(found, ceiling)) continue;
    if (onConflict === 'Override') value[name] = ceiling.text;
    else conflicts.push(tooLarge(`${field}[${name}]`, found, ceiling));
  }
  return { value, conflicts };
}

function isWithin(found: unknown, ceiling: Quantity): boolean {
  const quantity = quantityOf(found);
  return quantity !== undefined && quantity.nanos >= 0n && compareQuantities(quantity, ceiling) <= 0;
}

/** Custom resources may hold numbers where Kubernetes' own kinds hold texts. */
function quantityOf(found: unknown): Quantity | undefined {
  return typeof found === 'string' || typeof found === 'number' ? parseQuantity(String(found)) : undefined;
}

function quantitiesOf(values: Values): Resources {
  const entries = Object.entries(values).map(([name, value]) => [name, quantityOf(value)] as const);
  return new Map(entries.flatMap(([name, quantity]) => (quantity === undefined ? [] : [[name, quantity] as const])));
}

function smaller(own: Quantity, ceiling: Quantity | undefined): Quantity {
  return ceiling !== undefined && compareQuantities(ceiling, own) < 0 ? ceiling : own;
}

function tooLarge(field: string, found: unknown, ceiling: Quantity): Conflict {
  const shown = quoted(typeof found === 'string' ? found : (JSON.stringify(found) ?? ''), 64);
  return {
    code: 'CONTRACT_CONFLICT',
    field,
    message: `${shown} is more than the contract allows; write ${ceiling.text} or less, or leave it out`,
  };
}

function isEmpty(values: Values): boolean {
  return Object.keys(values).length === 0;
}
