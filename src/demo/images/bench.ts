import { githubIdentity, type TokenRequest } from '../sigstore/identity-token.ts';
import type { Sigstore } from '../sigstore/sigstore.ts';
import { pushImage } from '../registry/images.ts';
import type { FailureCode } from '../../kernel/failure.ts';
import type { KeylessSigner } from './keyless.ts';
import type { Pushes, Signable } from './legacy.ts';
import { newSigningKey, type SigningKey } from './signing-key.ts';

/** What demo images are made with. */
export interface Bench {
  readonly registry: Pushes;
  readonly sigstore: Sigstore;
  /** The key that the policy names. */
  readonly key: SigningKey;
  readonly strangerKey: SigningKey;
  /** Whom the policy wants to have signed. */
  readonly identity: TokenRequest;
  readonly strangerIdentity: TokenRequest;
}

export function createBench(registry: Pushes, sigstore: Sigstore): Bench {
  return {
    registry,
    sigstore,
    key: newSigningKey(),
    strangerKey: newSigningKey(),
    identity: githubIdentity({ repository: 'acme/actions', workflow: 'release.yml', ref: 'refs/heads/main' }),
    strangerIdentity: githubIdentity({
      repository: 'mallory/actions',
      workflow: 'release.yml',
      ref: 'refs/heads/main',
    }),
  };
}

/** By what policy an image is judged: which images the policy of that name has is in demo-policies.ts. */
export type PolicyName = 'key' | 'keyless' | 'timestamped' | 'current-time';

export interface DemoImage {
  readonly name: string;
  /** With a tag, as a workload would write it. */
  readonly reference: string;
  readonly digest: Signable['digest'];
  /** One line for a reader. */
  readonly about: string;
  readonly under: PolicyName;
  readonly expected: 'admit' | 'refuse';
  readonly expectedCode?: FailureCode;
}

export type Expectation = Pick<DemoImage, 'about' | 'expected' | 'expectedCode'>;

const tag = '1.0';

/** An image that nobody has signed yet, in the repository `under/name`. */
export function bareImage({ registry }: Bench, under: PolicyName, name: string): Signable & { readonly size: number } {
  const repository = `${under}/${name}`;
  return { repository, ...pushImage(registry, { repository, tag }) };
}

export function demoImage({ registry }: Bench, image: Signable, expectation: Expectation): DemoImage {
  const [under, name = ''] = image.repository.split('/');
  return {
    name,
    reference: `${registry.host}/${image.repository}:${tag}`,
    digest: image.digest,
    // Repositories are made by bareImage alone.
    under: under as PolicyName,
    ...expectation,
  };
}

export function admit(about: string): Expectation {
  return { about, expected: 'admit' };
}

export function refuse(about: string, expectedCode: FailureCode): Expectation {
  return { about, expected: 'refuse', expectedCode };
}

export function keylessSigner(
  { sigstore, identity }: Bench,
  options: Partial<Omit<KeylessSigner, 'sigstore'>> = {},
): KeylessSigner {
  return { sigstore, identity, ...options };
}
