/** Who has signed an image, and what the policies that were written say of it: the real parser and globs, and CEL as it is. */
import { evaluateCel } from '../../src/adapters/policy-languages/cel/evaluate.ts';
import { digestOf } from '../../src/kernel/digest.ts';
import { globMatchesImage } from '../../src/kernel/glob.ts';
import { parseImageReference } from '../../src/kernel/image-reference.ts';
import { migrate } from '../../src/migrate/migrate.ts';
import type { Json, Migration } from '../../src/migrate/model.ts';
import { objectsIn } from '../../src/migrate/source-objects.ts';
import { asRecord } from '../../src/kernel/strict-json.ts';
import type { Identity, TextMatch } from '../../src/policy/model.ts';
import type { ParsedAuthority } from '../../src/policy/parse-authority.ts';
import { parseClusterImagePolicy, type ParsedPolicy } from '../../src/policy/parse-cluster-image-policy.ts';
import { newPublicKey } from '../policy/kit.ts';

export const keys = { alice: newPublicKey(), bob: newPublicKey(), carol: newPublicKey() } as const;

export type Signer =
  | { readonly key: string; readonly logged: boolean; readonly attests?: Attestation }
  | { readonly issuer: string; readonly subject: string; readonly logged: boolean; readonly attests?: Attestation };

export interface Attestation {
  readonly predicateType: string;
  readonly predicate: unknown;
}

export const by = (key: string, logged = true): Signer => ({ key, logged });
export const as = (subject: string, issuer = 'https://accounts.example.com', logged = true): Signer => ({
  issuer,
  subject,
  logged,
});

export function migrated(text: string, where = 'values.yaml'): Migration {
  const objects = objectsIn(text, where);
  if (!objects.ok) throw new Error(objects.failure);
  const migration = migrate(objects.value);
  if (migration === undefined) throw new Error('nothing to migrate');
  return migration;
}

export function objectsOf(migration: Migration): readonly Json[] {
  return migration.objects.map(({ object }) => object);
}

export function lost(migration: Migration): readonly string[] {
  return migration.notes.filter(({ level }) => level === 'lost').map(({ message }) => message);
}

/** In mode warn a refusal is an admission. */
export function admits(migration: Migration, image: string, signers: readonly Signer[]): boolean {
  const reference = parseImageReference(image);
  if (!reference.ok) return false;
  const policies = objectsOf(migration)
    .filter((object) => object['kind'] === 'ClusterImagePolicy')
    .map(parsedPolicy);
  // Pinned images keep their tag.
  const pinned = { ...reference.value, digest: reference.value.digest ?? digestOf('image') };
  const matching = policies.filter(({ images }) => images.some((glob) => globMatchesImage(glob, pinned)));
  if (matching.length === 0) return noMatch(migration) !== 'deny';
  return matching.every((policy) => policy.mode === 'warn' || passes(policy, signers));
}

function parsedPolicy(object: Json): ParsedPolicy {
  const parsed = parseClusterImagePolicy(object);
  if (!parsed.ok) throw new Error(parsed.failure.join('\n'));
  return parsed.value;
}

function noMatch(migration: Migration): unknown {
  const config = objectsOf(migration).find((object) => object['kind'] === 'ConfigMap');
  return asRecord(config?.['data'])?.['no-match-policy'] ?? 'deny';
}

function passes({ authorities, policy }: ParsedPolicy, signers: readonly Signer[]): boolean {
  const passed = authorities.filter((authority) => authorityPasses(authority, signers)).map(({ name }) => name);
  if (passed.length === 0) return false;
  if (policy === undefined) return true;
  const input = { authorityMatches: Object.fromEntries(passed.map((name) => [name, { signatures: [] }])) };
  return celPasses(policy.source.kind === 'data' ? policy.source.text : 'false', input);
}

function celPasses(policy: string, input: unknown): boolean {
  const report = evaluateCel({ language: 'cel', name: 'test', policy, input: JSON.stringify(input) });
  return report.kind === 'evaluated' && report.evaluation.result === 'pass';
}

function authorityPasses(authority: ParsedAuthority, signers: readonly Signer[]): boolean {
  if (authority.kind === 'static') return authority.action === 'pass';
  const needsLog = authority.kind === 'keyless' || authority.ctlog !== undefined;
  const fitting = signers.filter((signer) => (signer.logged || !needsLog) && isBy(authority, signer));
  const [wanted] = authority.attestations;
  if (wanted === undefined) return fitting.some(({ attests }) => attests === undefined);
  const code = wanted.policy?.source.kind === 'data' ? wanted.policy.source.text : 'true';
  return fitting.some(
    ({ attests }) =>
      attests?.predicateType === wanted.predicateType && celPasses(code, { predicate: attests.predicate }),
  );
}

function isBy(authority: Exclude<ParsedAuthority, { kind: 'static' }>, signer: Signer): boolean {
  if (authority.kind === 'key') {
    const { key } = authority;
    if (!('key' in signer)) return false;
    const text = key.kind === 'pem' ? key.text : key.kind === 'kms' ? key.uri : '';
    return text.trim() === signer.key.trim();
  }
  return 'subject' in signer && authority.identities.some((identity) => isIdentity(identity, signer));
}

function isIdentity(
  { issuer, subject }: Identity,
  signer: { readonly issuer: string; readonly subject: string },
): boolean {
  return isText(issuer, signer.issuer) && isText(subject, signer.subject);
}

function isText(match: TextMatch, text: string): boolean {
  switch (match.kind) {
    case 'exact':
      return match.text === text;
    case 'below':
      return text.startsWith(match.prefix);
    case 'regexp':
      return match.pattern.matches(text);
  }
}

/** `*` any text, `?` any character. */
export function wildcard(pattern: string, text: string): boolean {
  const body = pattern
    .replaceAll(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${body}$`, 's').test(text);
}
