/** A file of verdicts that must come out, so that policies can be tested as code is. */
import { dirname, join } from 'node:path';
import { quoted } from '../../kernel/failure.ts';
import { asRecord } from '../../kernel/strict-json.ts';
import { parseStrictYaml } from '../../kernel/strict-yaml.ts';
import type { PolicySnapshot } from '../../policy/model.ts';
import { readText } from '../evidence.ts';
import type { ManifestDocument } from '../manifest-documents.ts';
import { UsageError } from '../usage-error.ts';
import { readResources } from './resources.ts';
import type { Cell, TestedImage, TestReason } from './tested.ts';

export interface Expectation {
  /** Absent: all policies together. */
  readonly policy?: string;
  readonly image: string;
  readonly resource?: ManifestDocument;
  readonly verdict: 'pass' | 'fail' | 'warn' | 'no-match';
  /** In one of the reasons. */
  readonly contains?: string;
}

/** What `--output json` has for each expectation; fields may be added. */
export interface CheckedExpectation {
  readonly policy?: string;
  readonly image: string;
  readonly resource?: string;
  readonly expected: Expectation['verdict'];
  readonly verdict: Cell['verdict'];
  /** `undecided`: a registry or the like was away, whatever was expected. */
  readonly result: 'pass' | 'fail' | 'undecided';
  /** Why it is not as expected. */
  readonly problem?: string;
  readonly reasons: readonly TestReason[];
}

const limits = { characters: 4 * 1024 * 1024, documents: 1 };
const verdicts = ['pass', 'fail', 'warn', 'no-match'] as const;
const known: ReadonlySet<string> = new Set(['policy', 'image', 'resource', 'verdict', 'contains']);

export function readExpectations(file: string, { policies }: Pick<PolicySnapshot, 'policies'>): readonly Expectation[] {
  const names = new Set(policies.map(({ name }) => name));
  const stream = parseStrictYaml(readText(file, '--expect'), limits);
  if (!stream.ok) throw new UsageError(`--expect: ${file}: ${stream.problem}`);
  const [document] = stream.documents;
  if (document === undefined) throw new UsageError(`--expect: there is nothing in ${file}`);
  if (!document.ok) throw new UsageError(`--expect: ${file}: ${document.problem}`);
  const list = document.value;
  if (!Array.isArray(list) || list.length === 0)
    throw new UsageError(`--expect: ${file} is no list of {policy?, image, resource?, verdict, contains?}`);
  return list.flatMap((item: unknown, index) => {
    const where = `--expect: ${file}: [${index}]`;
    const expectations = readExpectation(item, where, dirname(file));
    const missing = expectations.find(({ policy }) => policy !== undefined && !names.has(policy))?.policy;
    if (missing === undefined) return expectations;
    throw new UsageError(`${where}.policy: there is no ClusterImagePolicy "${quoted(missing)}"`);
  });
}

/** Several, where the resource is several objects. */
function readExpectation(item: unknown, where: string, folder: string): readonly Expectation[] {
  const entry = asRecord(item);
  if (entry === undefined) throw new UsageError(`${where} is no map`);
  const unknown = Object.keys(entry).find((key) => !known.has(key));
  if (unknown !== undefined) throw new UsageError(`${where} has an unknown key "${quoted(unknown, 64)}"`);
  const verdict = verdicts.find((one) => one === entry['verdict']);
  if (verdict === undefined) throw new UsageError(`${where}.verdict is none of ${verdicts.join(', ')}`);
  const [image, policy] = [textAt(entry, 'image', where), textAt(entry, 'policy', where)];
  const [contains, resource] = [textAt(entry, 'contains', where), textAt(entry, 'resource', where)];
  if (image === undefined) throw new UsageError(`${where}.image is missing`);
  const expectation = {
    image,
    verdict,
    ...(policy === undefined ? {} : { policy }),
    ...(contains === undefined ? {} : { contains }),
  };
  if (resource === undefined) return [expectation];
  return readResources(join(folder, resource), `${where}.resource`).map((document) => ({
    ...expectation,
    resource: document,
  }));
}

function textAt(entry: Readonly<Record<string, unknown>>, key: string, where: string): string | undefined {
  const value = entry[key];
  if (value === undefined || (typeof value === 'string' && value !== '')) return value;
  throw new UsageError(`${where}.${key} is no text`);
}

/** `tested` has one for each expectation. */
export function checkExpectations(
  expectations: readonly Expectation[],
  tested: readonly TestedImage[],
): readonly CheckedExpectation[] {
  return tested.flatMap((image, index) => {
    const expectation = expectations[index];
    return expectation === undefined ? [] : [checkExpectation(expectation, image)];
  });
}

function checkExpectation(expectation: Expectation, tested: TestedImage): CheckedExpectation {
  const { policy, verdict: expected } = expectation;
  const found = policy === undefined ? allTogether(tested) : cellOf(policy, tested);
  const { image, resource } = tested;
  const problem = problemOf(expectation, found);
  const missed = found.verdict === 'undecided' ? 'undecided' : 'fail';
  return {
    ...(policy === undefined ? {} : { policy }),
    image,
    ...(resource === undefined ? {} : { resource }),
    expected,
    verdict: found.verdict,
    result: problem === undefined ? 'pass' : missed,
    ...(problem === undefined ? {} : { problem }),
    reasons: found.reasons,
  };
}

function problemOf({ verdict, contains }: Expectation, found: Cell): string | undefined {
  const said = found.reasons.map(({ code, message }) => `${code}: ${message}`);
  const because = said.length === 0 ? '' : `: ${said.join('; ')}`;
  if (found.verdict !== verdict) return `expected ${verdict}, but it is ${found.verdict}${because}`;
  if (contains === undefined || said.some((text) => text.includes(contains))) return undefined;
  return `expected a reason with "${quoted(contains)}"${because === '' ? ', but there is none' : `, but it is ${said.join('; ')}`}`;
}

function allTogether({ verdict, policies, reasons }: TestedImage): Cell {
  const isUncovered = policies.every((cell) => cell.verdict === 'no-match');
  const isOnlyThat = reasons.every(({ code }) => code === 'NO_MATCHING_POLICY');
  return { policy: '', verdict: isUncovered && isOnlyThat ? 'no-match' : verdict, reasons };
}

function cellOf(name: string, { policies }: TestedImage): Cell {
  return policies.find(({ policy }) => policy === name) ?? { policy: name, verdict: 'no-match', reasons: [] };
}
