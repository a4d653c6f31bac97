/**
 * TUF repositories from before trusted_root.json: every target says in custom metadata what it is for. Only targets that the
 * role "targets" names itself count. They know no timestamp authorities and no validity windows.
 */
import type { TargetFile } from '@tufjs/models';
import { asRecord } from '../../kernel/strict-json.ts';
import { logKeyOf } from '../../policy/log-key.ts';
import { always, trustedRootMediaType } from '../../policy/parse-trust-root-json.ts';
import { pemCertificates } from '../../policy/pem-certificates.ts';
import { RepositoryProblem } from './tuf-problem.ts';
import type { TufRepository } from './tuf-repository.ts';

/** The JSON of a trusted root. */
export async function readLegacyTargets(repository: TufRepository): Promise<string> {
  const certificateAuthorities: unknown[] = [];
  const logs: Readonly<Record<'Rekor' | 'CTFE', unknown[]>> = { Rekor: [], CTFE: [] };
  const named = repository.topLevelTargets().flatMap(usageOf);
  if (named.length > maxTargets) throw new RepositoryProblem(`it has more than ${maxTargets} targets with a usage`);
  for (const { path, usage, uri } of named) {
    const text = (await repository.target(path))?.toString('utf8') ?? '';
    if (usage === 'Fulcio') certificateAuthorities.push(authorityOf(path, uri, text));
    else logs[usage].push(logOf(path, uri, text));
  }
  if (certificateAuthorities.length === 0)
    throw new RepositoryProblem('it has neither the trusted root nor targets with certificate authorities');
  const { Rekor: tlogs, CTFE: ctlogs } = logs;
  return JSON.stringify({
    mediaType: trustedRootMediaType,
    certificateAuthorities,
    timestampAuthorities: [],
    tlogs,
    ctlogs,
  });
}

const maxTargets = 100;

interface NamedTarget {
  readonly path: string;
  readonly usage: 'Fulcio' | 'Rekor' | 'CTFE';
  readonly uri: string;
}

function usageOf(target: TargetFile): readonly NamedTarget[] {
  const { usage, uri } = asRecord(asRecord(target.custom)?.['sigstore']) ?? {};
  if (usage !== 'Fulcio' && usage !== 'Rekor' && usage !== 'CTFE') return [];
  return [{ path: target.path, usage, uri: typeof uri === 'string' ? uri : '' }];
}

function authorityOf(path: string, uri: string, text: string): unknown {
  const certificates = pemCertificates(text);
  if (certificates === undefined) throw new RepositoryProblem(`target ${path} holds no PEM certificates`);
  return {
    subject: {},
    uri,
    certChain: { certificates: certificates.map((rawBytes) => ({ rawBytes })) },
    validFor: always,
  };
}

function logOf(path: string, baseUrl: string, text: string): unknown {
  const key = logKeyOf(text);
  if (key === undefined) throw new RepositoryProblem(`target ${path} holds no PEM public key of a log`);
  return { baseUrl, hashAlgorithm: 'SHA2_256', ...key };
}
