/** Blobs, whole or as a stream. OCI dist-spec 1.1 §pulling blobs */
import { createHash } from 'node:crypto';
import { digestOf, type Digest } from '../../kernel/digest.ts';
import type { Failure } from '../../kernel/failure.ts';
import { fail, ok } from '../../kernel/result.ts';
import type { Registry, Repository } from '../../ports/registry.ts';
import type { Call, Caller } from './caller.ts';
import { invalid, problemOf, wrongDigest } from './failures.ts';
import type { Answer } from './send.ts';

export function getBlob(call: Caller): Registry['blob'] {
  return async (repository, digest, maxBytes, options) => {
    const answer = await call({ ...request(repository, digest), maxBytes, options });
    if (!answer.ok) return answer;
    const refused = blobProblem(answer.value, digest);
    if (refused !== undefined) return fail(refused);
    const { url, body } = answer.value;
    return digestOf(body) === digest ? ok(body) : fail(wrongDigest(url, digest));
  };
}

export function streamBlob(call: Caller): Registry['streamBlob'] {
  return async (repository, { digest, size }, read, options) => {
    const hash = createHash('sha256');
    const onContent = (chunk: Buffer): Promise<void> => {
      hash.update(chunk);
      return read(chunk);
    };
    const answer = await call({ ...request(repository, digest), maxBytes: size, onContent, options });
    if (!answer.ok) return answer;
    const refused = blobProblem(answer.value, digest);
    if (refused !== undefined) return fail(refused);
    const proven = `sha256:${hash.digest('hex')}`;
    return proven === digest ? ok(undefined) : fail(wrongDigest(answer.value.url, digest));
  };
}

function request(repository: Repository, digest: Digest): Pick<Call, 'method' | 'repository' | 'path' | 'accept'> {
  return { method: 'GET', repository, path: `blobs/${digest}`, accept: '*/*' };
}

function blobProblem(answer: Answer, digest: Digest): Failure | undefined {
  return answer.status === 404 ? invalid(answer.url, `it lists ${digest} but does not have it`) : problemOf(answer);
}
