/** AWS Signature Version 4 as a service checks it, written from its specification and not from the library that signs. */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { Received } from './local-service.ts';

export interface SignedBy {
  readonly accessKeyId: string;
  readonly region: string;
  readonly service: string;
}

/** Undefined: the signature does not fit. */
export function signedBy(request: Received, secretOf: (accessKeyId: string) => string): SignedBy | undefined {
  const form =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/([^/]+)\/aws4_request, SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$/;
  const [, accessKeyId = '', day = '', region = '', service = '', names = '', signature = ''] =
    form.exec(request.headers.authorization ?? '') ?? [];
  const time = String(request.headers['x-amz-date']);
  const headers = names.split(';').map((name) => `${name}:${String(request.headers[name]).trim()}\n`);
  const hash = (text: string): string => createHash('sha256').update(text).digest('hex');
  const canonical = [request.method, request.url.pathname, '', headers.join(''), names, hash(request.body)].join('\n');
  const scope = `${day}/${region}/${service}/aws4_request`;
  const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();
  const key = [region, service, 'aws4_request'].reduce<Buffer>(hmac, hmac(`AWS4${secretOf(accessKeyId)}`, day));
  const wanted = hmac(key, ['AWS4-HMAC-SHA256', time, scope, hash(canonical)].join('\n'));
  const given = Buffer.from(signature, 'hex');
  const fits = given.length === wanted.length && timingSafeEqual(given, wanted) && time.startsWith(day);
  return fits ? { accessKeyId, region, service } : undefined;
}
