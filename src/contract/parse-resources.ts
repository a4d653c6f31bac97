/** spec.resources of a contract, by the rules for a container's. kubernetes pkg/apis/core/validation validateResourceRequirements */
import { asRecord } from '../kernel/strict-json.ts';
import type { FieldErrors } from '../policy/field-errors.ts';
import type { Fields } from '../policy/fields.ts';
import type { ActionContract, Resources } from './model.ts';
import { compareQuantities, parseQuantity, type Quantity } from './quantity.ts';

export function readResources(spec: Fields, errors: FieldErrors): ActionContract['resources'] {
  const fields = spec.object('resources');
  if (fields === undefined) return { requests: new Map(), limits: new Map() };
  const limits = readQuantities(fields, 'limits', errors);
  const requests = readQuantities(fields, 'requests', errors);
  fields.end();
  for (const [name, request] of requests) {
    const problem = requestProblem(name, request, limits.get(name));
    if (problem !== undefined) errors.add(problem, `${fields.at('requests')}[${name}]`);
  }
  const names = [...limits.keys(), ...requests.keys()];
  if (names.some(isHugePages) && !names.some((name) => name === 'cpu' || name === 'memory'))
    errors.add('huge pages need cpu or memory beside them', fields.path);
  return { requests, limits };
}

function readQuantities(fields: Fields, member: 'limits' | 'requests', errors: FieldErrors): Resources {
  const value = fields.raw(member);
  if (value === undefined) return new Map();
  const record = asRecord(value);
  if (record === undefined) {
    errors.invalid(value, fields.at(member), 'expected a map of quantities');
    return new Map();
  }
  const quantities = Object.entries(record).map(([name, written]) => {
    const path = `${fields.at(member)}[${name}]`;
    const problem = nameProblem(name);
    if (problem !== undefined) errors.add(problem, path);
    return [name, readQuantity(name, written, path, errors)] as const;
  });
  return new Map(quantities.flatMap(([name, quantity]) => (quantity === undefined ? [] : [[name, quantity] as const])));
}

const nanosPerUnit = 1_000_000_000n;

function readQuantity(name: string, written: unknown, path: string, errors: FieldErrors): Quantity | undefined {
  const isWritten = typeof written === 'string' || typeof written === 'number';
  const quantity = isWritten ? parseQuantity(String(written)) : undefined;
  if (quantity === undefined) errors.invalid(written, path, 'expected a quantity such as 500m or 128Mi');
  else if (quantity.nanos < 0n) errors.invalid(written, path, 'must not be negative');
  else if (!mayBeOvercommitted(name) && quantity.nanos % nanosPerUnit !== 0n)
    errors.invalid(written, path, 'must be a whole number');
  return quantity;
}

const standard: ReadonlySet<string> = new Set(['cpu', 'memory', 'ephemeral-storage']);
const hugePages = 'hugepages-';
// apimachinery validation.IsQualifiedName
const qualified = /^(?=.{1,253}\/)[a-z0-9]([a-z0-9.-]*[a-z0-9])?\/[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$/;

function isHugePages(name: string): boolean {
  return name.startsWith(hugePages);
}

function nameProblem(name: string): string | undefined {
  const hint = 'expected cpu, memory, ephemeral-storage, hugepages-<size> or <domain>/<name>';
  if (standard.has(name)) return undefined;
  if (isHugePages(name)) return (parseQuantity(name.slice(hugePages.length))?.nanos ?? 0n) > 0n ? undefined : hint;
  if (!qualified.test(name)) return hint;
  return name.startsWith('requests.') ? 'must not begin with "requests."' : undefined;
}

/** Only Kubernetes' own resources may be requested lower than their limit, or in parts. */
function mayBeOvercommitted(name: string): boolean {
  return (!name.includes('/') || name.includes('kubernetes.io/')) && !isHugePages(name);
}

function requestProblem(name: string, request: Quantity, limit: Quantity | undefined): string | undefined {
  if (mayBeOvercommitted(name)) {
    if (limit === undefined || compareQuantities(request, limit) <= 0) return undefined;
    return `must be at most the limit ${limit.text}; lower the request or raise the limit`;
  }
  if (limit === undefined) return 'needs a limit of the same size';
  return compareQuantities(request, limit) === 0 ? undefined : `must be equal to the limit ${limit.text}`;
}
