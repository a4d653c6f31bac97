import { stringify } from 'yaml';
import { parsePolicyDocuments } from '../policy/parse-documents.ts';
import { compilePolicy, noMaterials } from '../policy/compile.ts';
import type { ClusterImagePolicy } from '../policy/model.ts';
import { readText } from './evidence.ts';
import { UsageError } from './usage-error.ts';

export interface SignerFlags {
  readonly key?: string;
  readonly certificateIdentity?: string;
  readonly certificateIdentityRegexp?: string;
  readonly certificateOidcIssuer?: string;
  readonly certificateOidcIssuerRegexp?: string;
}

/** A policy for one question: is this image signed by this key or identity? Undefined when no signer is named. */
export function commandLinePolicy(flags: SignerFlags): ClusterImagePolicy | undefined {
  const keyless = keylessAuthority(flags);
  if (keyless !== undefined && flags.key !== undefined) {
    throw new UsageError('--key and --certificate-identity name two different signers: give one of them');
  }
  const authority = flags.key === undefined ? keyless : { key: { data: readText(flags.key, '--key') } };
  if (authority === undefined) return undefined;
  const document = {
    apiVersion: 'policy.sigstore.dev/v1beta1',
    kind: 'ClusterImagePolicy',
    metadata: { name: 'command-line' },
    spec: { images: [{ glob: '**' }], authorities: [authority] },
  };
  const [parsed] = parsePolicyDocuments(stringify(document), 'command line');
  if (parsed?.kind === 'policy') return compilePolicy(parsed.policy, noMaterials);
  throw new UsageError(parsed?.kind === 'problem' ? parsed.messages.join('\n') : 'the flags do not make a policy');
}

function keylessAuthority(flags: SignerFlags): unknown {
  const { certificateIdentity: subject, certificateIdentityRegexp: subjectRegExp } = flags;
  const { certificateOidcIssuer: issuer, certificateOidcIssuerRegexp: issuerRegExp } = flags;
  const hasSubject = subject !== undefined || subjectRegExp !== undefined;
  const hasIssuer = issuer !== undefined || issuerRegExp !== undefined;
  if (!hasSubject && !hasIssuer) return undefined;
  if (!hasSubject || !hasIssuer) {
    throw new UsageError('an identity needs --certificate-identity[-regexp] and --certificate-oidc-issuer[-regexp]');
  }
  return { keyless: { identities: [{ issuer, issuerRegExp, subject, subjectRegExp }] } };
}
