/** RFC 3161 responses, signed by an authority of the test. */
import { createHash, sign } from 'node:crypto';
import type { KeyPair } from './certificates.ts';
import { generalizedTime, integer, nothing, octets, oid, sequence, set, tagged } from './der.ts';

export interface TokenRequest {
  readonly data: Uint8Array;
  readonly time: Date;
  /** Of a second, with its dot. */
  readonly fraction?: string;
  readonly key: KeyPair;
  /** Name in DER of the issuer of the authority's certificate, and that certificate's serial number. */
  readonly issuer: Buffer;
  readonly serial: number;
  readonly hash?: 'sha256' | 'sha512';
}

const hashOids = { sha256: '2.16.840.1.101.3.4.2.1', sha512: '2.16.840.1.101.3.4.2.3' } as const;

function signatureOid(key: KeyPair, hash: 'sha256' | 'sha512'): string {
  if (key.publicKey.asymmetricKeyType === 'rsa') return '1.2.840.113549.1.1.1';
  return hash === 'sha256' ? '1.2.840.10045.4.3.2' : '1.2.840.10045.4.3.4';
}

export function timestampResponse(request: TokenRequest): Buffer {
  const { hash = 'sha256' } = request;
  const algorithm = sequence(oid(hashOids[hash]), nothing());
  const info = sequence(
    integer(1),
    oid('1.3.6.1.4.1.57264.2'),
    sequence(algorithm, octets(createHash(hash).update(request.data).digest())),
    integer(7),
    generalizedTime(request.time, request.fraction),
  );
  const attributes = [
    sequence(oid('1.2.840.113549.1.9.3'), set(oid('1.2.840.113549.1.9.16.1.4'))),
    sequence(oid('1.2.840.113549.1.9.4'), set(octets(createHash(hash).update(info).digest()))),
  ];
  const signature = sign(hash, set(...attributes), request.key.privateKey);
  const signer = sequence(
    integer(1),
    sequence(request.issuer, integer(request.serial)),
    algorithm,
    tagged(0, ...attributes),
    sequence(oid(signatureOid(request.key, hash))),
    octets(signature),
  );
  const signed = sequence(
    integer(3),
    set(algorithm),
    sequence(oid('1.2.840.113549.1.9.16.1.4'), tagged(0, octets(info))),
    set(signer),
  );
  return sequence(sequence(integer(0)), sequence(oid('1.2.840.113549.1.7.2'), tagged(0, signed)));
}
