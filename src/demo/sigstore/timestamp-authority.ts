import { generateKeyPairSync } from 'node:crypto';
import { ASN1Obj } from '@sigstore/core';
import { initializeTSA, tsaHandler } from '@sigstore/mock/dist/timestamp/index.js';
import { bytes, wholeSeconds } from './certificate-authority.ts';
import type { Answer, Call, Routes } from './sigstore.ts';

export interface TimestampAuthority {
  readonly routes: Routes;
  /** DER of the signer's certificate and its root. */
  readonly chain: readonly Buffer[];
}

export async function startTimestampAuthority(clock: () => Date): Promise<TimestampAuthority> {
  const time = new Date(0);
  const tsa = await initializeTSA(generateKeyPairSync('ec', { namedCurve: 'P-256' }), time);
  const fromJson = tsaHandler(tsa);

  async function timestamp({ body, contentType }: Call): Promise<Answer> {
    time.setTime(wholeSeconds(clock()).getTime());
    // @sigstore/sign asks in JSON, everybody else as RFC 3161 §3.4 says.
    const token = contentType.startsWith('application/json')
      ? (await fromJson.fn(body.toString())).response
      : await tsa.timestamp(readQuery(body));
    return { status: 201, type: 'application/timestamp-reply', body: bytes(token) };
  }

  return {
    routes: { '/api/v1/timestamp': timestamp },
    chain: [bytes(tsa.intCertificate), bytes(tsa.rootCertificate)],
  };
}

const policyOID = '1.3.6.1.4.1.57264.2';

type Query = Parameters<Awaited<ReturnType<typeof initializeTSA>>['timestamp']>[0];

/** RFC 3161 §2.4.1: version, messageImprint, and then what is there of policy, nonce and certReq. */
function readQuery(der: Buffer): Query {
  const [, imprint, ...optional] = ASN1Obj.parseBuffer(Buffer.from(der)).subs;
  const [algorithm, hash] = imprint?.subs ?? [];
  const hashAlgorithmOID = algorithm?.subs[0]?.toOID();
  if (hashAlgorithmOID === undefined || hash === undefined) throw new Error('the query has no message imprint');
  const nonce = optional.find(({ tag }) => tag.number === integer)?.toInteger() ?? 0n;
  if (nonce > Number.MAX_SAFE_INTEGER) throw new Error('nonces of more than 53 bits cannot be answered');
  const certReq = optional.some((item) => item.tag.number === boolean && item.toBoolean());
  return { artifactHash: hash.value, hashAlgorithmOID, nonce: Number(nonce), policyOID, certReq };
}

const boolean = 0x01;
const integer = 0x02;
