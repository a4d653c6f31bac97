import { generateKeyPairSync, sign } from 'node:crypto';

export interface TokenRequest {
  /** Becomes the subject alternative name (URI) of the certificate. */
  readonly subject: string;
  readonly issuer: string;
  /** The certificate begins here and lasts ten minutes; default: now. */
  readonly issuedAt?: Date;
  /** Others, e.g. GitHub's, which Fulcio copies into extensions. */
  readonly claims?: Readonly<Record<string, string>>;
}

/** Signed, because cosign parses the token; by a key that nobody checks. */
export function identityTokens(clock: () => Date): (request: TokenRequest) => string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return ({ subject, issuer, issuedAt = clock(), claims = {} }) => {
    const iat = Math.floor(issuedAt.getTime() / 1_000);
    const payload = { ...claims, iss: issuer, sub: subject, aud: 'sigstore', iat, exp: iat + 600 };
    const signed = [{ alg: 'ES256', typ: 'JWT' }, payload].map(part).join('.');
    const signature = sign('sha256', Buffer.from(signed), { key: privateKey, dsaEncoding: 'ieee-p1363' });
    return `${signed}.${signature.toString('base64url')}`;
  };
}

function part(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

export interface GithubWorkflow {
  /** "owner/name". */
  readonly repository: string;
  /** File in .github/workflows. */
  readonly workflow: string;
  readonly ref: string;
}

/** What a GitHub Actions run has as its identity. docs.github.com "OpenID Connect reference" */
export function githubIdentity({ repository, workflow, ref }: GithubWorkflow): TokenRequest {
  const workflowRef = `${repository}/.github/workflows/${workflow}@${ref}`;
  return {
    subject: `https://github.com/${workflowRef}`,
    issuer: 'https://token.actions.githubusercontent.com',
    claims: {
      repository,
      ref,
      sha: '0123456789abcdef0123456789abcdef01234567',
      workflow,
      event_name: 'push',
      job_workflow_ref: workflowRef,
      workflow_ref: workflowRef,
      repository_owner: repository.split('/')[0] ?? '',
      runner_environment: 'github-hosted',
    },
  };
}
