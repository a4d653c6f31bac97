/** Policies that command lines name: files, folders, and addresses, whose content is fetched once. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { materialSources } from '../../adapters/materials/follow-materials.ts';
import { readPolicies } from '../../adapters/policies/directory.ts';
import { readAtMost } from '../../adapters/read-at-most.ts';
import { quoted } from '../../kernel/failure.ts';
import type { PolicySnapshot, TrustRoot } from '../../policy/model.ts';
import { policyPlaces } from '../policy-reports/places.ts';
import type { Place } from '../policy-reports/outcome.ts';
import { UsageError } from '../usage-error.ts';

export interface NamedPolicies {
  readonly snapshot: PolicySnapshot;
  /** Of ClusterImagePolicies, by name. */
  readonly places: ReadonlyMap<string, Place>;
}

export interface SourceOptions {
  readonly noMatch: PolicySnapshot['noMatch'];
  readonly publicTrustRoot: TrustRoot;
  /** To wait for one address; 15 seconds unless told. */
  readonly fetchMs?: number;
}

const maxBytes = 1024 * 1024;
const usualFetchMs = 15_000;

/** Throws a UsageError with everything that is wrong with them. */
export async function namedPolicies(sources: readonly string[], options: SourceOptions): Promise<NamedPolicies> {
  const folder = await mkdtemp(join(tmpdir(), 'countersign-policies-'));
  try {
    const addresses = new Map<string, string>();
    const paths = await Promise.all(
      sources.map(async (source, index) => {
        if (!isAddress(source)) return source;
        const file = join(folder, `${index}.yaml`);
        addresses.set(file, source);
        await writeFile(file, await fetched(source, options.fetchMs ?? usualFetchMs));
        return file;
      }),
    );
    const shown = (where: string): string => withAddress(where, addresses);
    return { snapshot: await snapshotOf(paths, options, shown), places: await placesOf(paths, addresses) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function isAddress(source: string): boolean {
  return source.startsWith('https://') || source.startsWith('http://');
}

async function snapshotOf(
  paths: readonly string[],
  { noMatch, publicTrustRoot }: SourceOptions,
  shown: (where: string) => string,
): Promise<PolicySnapshot> {
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const read = await readPolicies({ paths, noMatch, publicTrustRoot, log, materials: materialSources(process.env) });
  if (read.ok) return read.value;
  throw new UsageError(read.failure.map(({ where, message }) => `${shown(where)}: ${message}`).join('\n'));
}

/** There is no file to annotate for what came from an address. */
async function placesOf(
  paths: readonly string[],
  addresses: ReadonlyMap<string, string>,
): Promise<ReadonlyMap<string, Place>> {
  return policyPlaces(paths.filter((path) => !addresses.has(path)));
}

function withAddress(where: string, addresses: ReadonlyMap<string, string>): string {
  const found = [...addresses].find(([file]) => where.startsWith(file));
  return found === undefined ? where : where.replace(found[0], found[1]);
}

async function fetched(address: string, ms: number): Promise<string> {
  const shown = quoted(withoutPassword(address));
  let response: Response;
  try {
    response = await fetch(address, { signal: AbortSignal.timeout(ms) });
    if (response.ok) {
      const body = await readAtMost(response.body ?? [], maxBytes);
      if (body === undefined) throw new UsageError(`--policy: ${shown} is larger than ${maxBytes} bytes`);
      return body.toString('utf8');
    }
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const late = error instanceof Error && error.name === 'TimeoutError';
    throw new UsageError(`--policy: ${shown} ${late ? `did not answer within ${ms} ms` : 'cannot be reached'}`);
  }
  throw new UsageError(`--policy: ${shown} answered with status ${response.status}`);
}

function withoutPassword(address: string): string {
  if (!URL.canParse(address)) return basename(address);
  const url = new URL(address);
  url.username = '';
  url.password = '';
  return url.href;
}
