/** Signs with a certificate of the offline Sigstore, through the npm package `sigstore`. */
import { attest, sign, type SignOptions } from 'sigstore';
import type { TokenRequest } from '../sigstore/identity-token.ts';
import type { Sigstore } from '../sigstore/sigstore.ts';

/** In what is signed is left out what a flag does not ask for: no log entry, no timestamp. */
export interface KeylessSigner {
  readonly sigstore: Sigstore;
  readonly identity: TokenRequest;
  readonly log?: boolean;
  readonly timestamp?: boolean;
}

/** A Sigstore bundle, serialised. */
export type SerializedBundle = Awaited<ReturnType<typeof sign>>;

const deadlineMs = 5_000;

export function signBytes(signer: KeylessSigner, bytes: Buffer): Promise<SerializedBundle> {
  return sign(bytes, optionsOf(signer));
}

export function signStatement(signer: KeylessSigner, statement: Buffer): Promise<SerializedBundle> {
  return attest(statement, 'application/vnd.in-toto+json', optionsOf(signer));
}

function optionsOf({ sigstore, identity, log = true, timestamp = false }: KeylessSigner): SignOptions {
  return {
    fulcioURL: sigstore.fulcioUrl,
    identityToken: sigstore.identityToken(identity),
    rekorURL: sigstore.rekorUrl,
    tlogUpload: log,
    ...(timestamp ? { tsaServerURL: sigstore.tsaUrl } : {}),
    retry: false,
    timeout: deadlineMs,
  };
}
