/**
 * Reads a TrustRoot (policy.sigstore.dev/v1alpha1). `sigstoreKeys` become what verification uses at once: the protobuf-JSON
 * text of a dev.sigstore.trustroot.v1.TrustedRoot. TUF repositories are read by an adapter; until it has, nothing is trusted.
 * Every problem of a document is reported, not only the last one.
 */
import { digestOf } from '../kernel/digest.ts';
import { fail, ok, type Result } from '../kernel/result.ts';
import { FieldErrors } from './field-errors.ts';
import { Fields } from './fields.ts';
import type { TrustRoot } from './model.ts';
import { readHeader } from './parse-cluster-image-policy.ts';
import { readSigstoreKeys } from './parse-trust-root-keys.ts';
import { readRemote, readRepository, type TrustRootSource } from './parse-trust-root-source.ts';

/** With a source it is not ready, and says so: somebody has to read it there. */
export interface ParsedTrustRoot extends TrustRoot {
  readonly source?: TrustRootSource;
}

const kinds = ['remote', 'repository', 'sigstoreKeys'] as const;

export function parseTrustRoot(document: unknown): Result<ParsedTrustRoot, readonly string[]> {
  const errors = new FieldErrors();
  const fields = new Fields(document, '', errors);
  const name = readHeader(fields, ['policy.sigstore.dev/v1alpha1'], 'TrustRoot', errors);
  const spec = fields.object('spec');
  if (spec === undefined) errors.missing('spec');
  const root = spec === undefined ? undefined : readSpec(name, spec, errors);
  fields.end();
  return root !== undefined && errors.isEmpty ? ok(root) : fail(errors.list());
}

function readSpec(name: string, spec: Fields, errors: FieldErrors): ParsedTrustRoot | undefined {
  const given = kinds.filter((kind) => spec.has(kind));
  const paths = kinds.map((kind) => spec.at(kind));
  // Of two that are there, all three are named.
  errors.exactlyOne(given.length > 1 ? paths : given, paths);
  if (given.length > 1) return undefined;
  const keys = spec.object('sigstoreKeys');
  const remote = spec.object('remote');
  const repository = spec.object('repository');
  spec.end();
  const trustedRoot = keys === undefined ? undefined : readSigstoreKeys(keys, errors);
  const fromRemote = remote === undefined ? undefined : readRemote(remote, errors);
  const fromRepository = repository === undefined ? undefined : readRepository(repository, errors);
  const source = fromRemote ?? fromRepository;
  if (source !== undefined) return unread(name, source);
  const trustedRootJson = JSON.stringify(trustedRoot ?? {});
  return { name, generation: digestOf(trustedRootJson), trustedRootJson, notReady: [] };
}

function unread(name: string, source: TrustRootSource): ParsedTrustRoot {
  const place = source.kind === 'remote' ? source.mirror : digestOf(source.archive);
  const content = [name, source.kind, digestOf(source.root), place, source.targets, source.trustedRootTarget];
  const notReady = [`spec.${source.kind} was not read yet`];
  return { name, generation: digestOf(JSON.stringify(content)), trustedRootJson: '', notReady, source };
}
