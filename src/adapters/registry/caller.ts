/** One question to a registry about a repository, with credentials where they are asked for. */
import { defined } from '../../kernel/defined.ts';
import { failure, quoted } from '../../kernel/failure.ts';
import { fail, ok, type Result } from '../../kernel/result.ts';
import type { CallOptions, Repository } from '../../ports/registry.ts';
import { createAuthorization } from './authorization.ts';
import { parseChallenge } from './challenge.ts';
import type { Hosts } from './hosts.ts';
import type { Identities } from './identities.ts';
import type { Answer, OnContent } from './send.ts';
import type { Transport } from './transport.ts';

export interface Call {
  readonly method: 'GET' | 'HEAD';
  readonly repository: Repository;
  /** Behind /v2/<repository>/; or a URL that the registry gave for the same. */
  readonly path: string | URL;
  readonly accept: string;
  readonly maxBytes: number;
  readonly onContent?: OnContent;
  readonly options: CallOptions;
}

/** Answers of any status. */
export type Caller = (call: Call) => Promise<Result<Answer>>;

export function createCaller(hosts: Hosts, transport: Transport, identities: Identities): Caller {
  const authorization = createAuthorization(hosts, transport, identities);

  return async ({ method, repository, path, accept, maxBytes, onContent, options }) => {
    const url = path instanceof URL ? path : hosts.urlOf(repository, path);
    if (url === undefined) return fail(noHost(repository));
    const send = (header: string | undefined): Promise<Result<Answer>> => {
      const headers = { accept, ...defined('authorization', header) };
      return transport.exchange({
        method,
        url,
        headers,
        maxBytes,
        ...defined('onContent', onContent),
        signal: options.signal,
      });
    };
    const first = await send(authorization.known(repository, options));
    // Only the registry itself may say where its credentials go, not whom it redirects to.
    if (!first.ok || first.value.status !== 401 || first.value.url.origin !== url.origin) return first;
    const challenge = parseChallenge(first.value.headers['www-authenticate']);
    if (challenge === undefined) return first;
    const answer = await authorization.answer(challenge, repository, options);
    if (!answer.ok) return answer;
    const { header, tried } = answer.value;
    // Once: a registry that goes on asking does not want these credentials.
    const last = header === undefined ? first : await send(header);
    return last.ok ? ok(withTried(last.value, repository, tried)) : last;
  };

  function withTried(answer: Answer, { registry }: Repository, tried: string): Answer {
    if (answer.status === 401) identities.refused(registry);
    return { ...answer, tried };
  }
}

function noHost({ registry, repository }: Repository): ReturnType<typeof failure> {
  const message = `"${quoted(registry)}/${quoted(repository)}" names no registry: its host is not written plainly`;
  return failure('IMAGE_REFERENCE_INVALID', message);
}
