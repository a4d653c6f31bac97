/** `attestors` of verifyImages: sets of keys, certificates and identities. kyverno api/kyverno/v1/image_verification_types.go */
import { defined } from '../../kernel/defined.ts';
import { asRecord } from '../../kernel/strict-json.ts';
import { all, atLeast, impossible, type Demand } from '../demand.ts';
import {
  identityTexts,
  identityTwice,
  keyDemands,
  keylessDemand,
  publicLog,
  secretDemand,
  type KeyOptions,
} from '../key-authority.ts';
import type { Json, Notebook } from '../model.ts';
import { isThere, listAt, memberOf, noText, recordAt, strangerIn, textAt } from '../read-json.ts';

export interface AttestorContext {
  readonly notebook: Notebook;
  /** Of the rule; an entry may have another. */
  readonly repository?: string;
  readonly isBundle: boolean;
}

const rewrite = 'write the authority by hand: docs/write-a-policy.md';

/** All sets must be met. */
export function attestorsDemand(sets: unknown, context: AttestorContext): Demand {
  if (!Array.isArray(sets))
    return impossible(context.notebook, 'attestors is no list', 'correct it and run this again');
  return all(sets.map((set: unknown, index) => setDemand(set, `attestors[${index}]`, context)));
}

const maxDepth = 8;

function setDemand(set: unknown, path: string, context: AttestorContext, depth = 0): Demand {
  const { notebook } = context;
  const stranger = strangerIn(set, ['count', 'entries'], path);
  const entries = listAt(set, 'entries') ?? [];
  if (stranger !== undefined || entries.length === 0 || depth > maxDepth)
    return impossible(notebook, stranger ?? `${path} has no entries that can be read`, rewrite);
  const demands = entries.flatMap((entry, index) => entryDemands(entry, `${path}.entries[${index}]`, context, depth));
  // Several keys in one text count as several entries, and without count all of them must have signed.
  const count = memberOf(set, 'count') ?? 0;
  if (count === 0) return all(demands);
  if (isCountOf(demands, count)) return atLeast(count, demands);
  return impossible(notebook, `${path}.count is no number of its entries`, 'correct it and run this again');
}

function isCountOf(list: readonly unknown[], count: unknown): count is number {
  return typeof count === 'number' && Number.isSafeInteger(count) && count >= 1 && count <= list.length;
}

const entryKinds = ['keys', 'certificates', 'keyless', 'attestor'] as const;

function entryDemands(entry: unknown, path: string, context: AttestorContext, depth: number): readonly Demand[] {
  const { notebook } = context;
  const stranger = strangerIn(entry, [...entryKinds, 'repository'], path) ?? noText(entry, ['repository'], path);
  const [kind, ...others] = entryKinds.filter((candidate) => asRecord(memberOf(entry, candidate)) !== undefined);
  if (stranger !== undefined) return [impossible(notebook, stranger, rewrite)];
  if (kind === undefined || others.length > 0)
    return [impossible(notebook, `${path} is not one of ${entryKinds.join(', ')}`, 'correct it and run this again')];
  const repository = textAt(entry, 'repository') ?? context.repository;
  const inner = { ...context, ...defined('repository', repository) };
  const body = recordAt(entry, kind) ?? {};
  switch (kind) {
    case 'keys':
      return keysDemands(body, `${path}.keys`, inner);
    case 'keyless':
      return [keylessEntry(body, `${path}.keyless`, inner)];
    case 'attestor':
      return [setDemand(body, `${path}.attestor`, inner, depth + 1)];
    case 'certificates':
      return [
        impossible(
          notebook,
          `${path}.certificates: a certificate is no authority here`,
          'put its public key into key.data: openssl x509 -in cert.pem -noout -pubkey',
        ),
      ];
  }
}

const keysMembers = ['publicKeys', 'signatureAlgorithm', 'kms', 'secret', 'rekor', 'ctlog'];

function keysDemands(keys: Json, path: string, context: AttestorContext): readonly Demand[] {
  const { notebook } = context;
  const log = readLog(keys, path);
  const texts = ['publicKeys', 'signatureAlgorithm', 'kms'];
  const problem = strangerIn(keys, keysMembers, path) ?? noText(keys, texts, path) ?? log.problem;
  if (problem !== undefined) return [impossible(notebook, problem, log.wayOut ?? rewrite)];
  const options: KeyOptions = {
    ...defined('hashAlgorithm', textAt(keys, 'signatureAlgorithm')),
    ...defined('logUrl', log.url),
    ...placement(context),
  };
  const publicKeys = textAt(keys, 'publicKeys');
  if (publicKeys !== undefined) return keyDemands(path, publicKeys, options, notebook);
  const kms = textAt(keys, 'kms');
  if (kms !== undefined) return keyDemands(path, kms, options, notebook);
  const secret = recordAt(keys, 'secret');
  const [name, namespace] = [textAt(secret, 'name'), textAt(secret, 'namespace')];
  if (name !== undefined && namespace !== undefined)
    return [secretDemand(path, { namespace, secret: name }, options, notebook)];
  return [impossible(notebook, `${path} names no key`, 'correct it and run this again')];
}

function placement({ repository, isBundle }: AttestorContext): Pick<KeyOptions, 'source' | 'signatureFormat'> {
  return {
    ...defined('source', repository === undefined ? undefined : { oci: repository }),
    ...defined('signatureFormat', isBundle ? ('bundle' as const) : undefined),
  };
}

const keylessMembers = ['rekor', 'ctlog', 'issuer', 'issuerRegExp', 'subject', 'subjectRegExp', 'roots'];

function keylessEntry(keyless: Json, path: string, context: AttestorContext): Demand {
  const { notebook } = context;
  const log = readLog(keyless, path);
  const texts = ['issuer', 'issuerRegExp', 'subject', 'subjectRegExp', 'roots'];
  const issuer = identityTexts(keyless, 'issuer', 'issuerRegExp', 'wildcard');
  const subject = identityTexts(keyless, 'subject', 'subjectRegExp', 'wildcard');
  const problem = strangerIn(keyless, keylessMembers, path) ?? noText(keyless, texts, path) ?? log.problem;
  if (problem !== undefined || issuer === undefined || subject === undefined)
    return impossible(notebook, problem ?? `${path}: ${identityTwice}`, log.wayOut ?? rewrite);
  const options = {
    identities: [{ issuer, subject }],
    ignoresSct: log.ignoresSct,
    ...defined('roots', textAt(keyless, 'roots')),
    ...defined('logUrl', log.url),
    ...placement(context),
  };
  return keylessDemand(path, options, notebook);
}

interface Log {
  readonly problem?: string;
  readonly wayOut?: string;
  /** Absent: not asked for. */
  readonly url?: string;
  readonly ignoresSct: boolean;
}

const ownKeys = 'write a TrustRoot with the keys and name it in the authority: docs/trust-roots.md';

function readLog(attestor: Json, path: string): Log {
  const rekor = recordAt(attestor, 'rekor');
  const ctlog = recordAt(attestor, 'ctlog');
  const ignoresSct = ctlog?.['ignoreSCT'] === true;
  const problem =
    (isThere(attestor, 'rekor') ? strangerIn(rekor, ['url', 'ignoreTlog'], `${path}.rekor`) : undefined) ??
    (isThere(attestor, 'ctlog') ? strangerIn(ctlog, ['ignoreSCT'], `${path}.ctlog`) : undefined);
  if (problem !== undefined) return { problem, wayOut: ownKeys, ignoresSct };
  if (rekor?.['ignoreTlog'] === true) return { ignoresSct };
  return { url: textAt(rekor, 'url') ?? publicLog, ignoresSct };
}

/** Fields of before `attestors` was there. */
export function oldAttestor(rule: Json): readonly unknown[] | undefined {
  const key = textAt(rule, 'key');
  if (key !== undefined) return [{ entries: [{ keys: { publicKeys: key } }] }];
  const [issuer, subject, roots] = ['issuer', 'subject', 'roots'].map((member) => textAt(rule, member));
  if (issuer === undefined && subject === undefined && roots === undefined) return undefined;
  const keyless = { ...defined('issuer', issuer), ...defined('subject', subject), ...defined('roots', roots) };
  return [{ entries: [{ keyless }] }];
}
