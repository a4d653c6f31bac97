/** Callers of the console and the records API are the cluster's: TokenReview says who it is, SubjectAccessReview what for. */
import {
  AuthenticationV1Api,
  AuthorizationV1Api,
  type KubeConfig,
  type V1SubjectAccessReviewSpec,
  type V1UserInfo,
} from '@kubernetes/client-node';
import { defined } from '../../kernel/defined.ts';
import { ok, type Result } from '../../kernel/result.ts';
import { asRecord, parseStrictJson } from '../../kernel/strict-json.ts';
import type { Access, Caller } from '../../ports/access.ts';
import { boundedCall, type CallLimits } from './bounded-call.ts';

/** Somebody waits for a page. */
const pageLimits: CallLimits = { deadlineMs: 3_000, maxBytes: 1024 * 1024 };

/** Tokens are for the API server's own audience: `kubectl create token` makes them so unless told otherwise. */
export function clusterAccess(kubeConfig: KubeConfig, limits: CallLimits = pageLimits): Access {
  const authentication = kubeConfig.makeApiClient(AuthenticationV1Api);
  const authorization = kubeConfig.makeApiClient(AuthorizationV1Api);

  async function identify(token: string): Promise<Result<Caller | undefined>> {
    const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token } };
    const answer = await boundedCall('ask whose token it is', limits, (call) =>
      authentication.createTokenReview({ body }, call),
    );
    if (!answer.ok) return answer;
    const { status } = answer.value;
    return ok(status?.authenticated === true && !status.error ? callerOf(status.user, token) : undefined);
  }

  /** Exactly one of both kinds of attributes. */
  async function may(
    { user, uid, groups, extra }: Caller,
    what: Pick<V1SubjectAccessReviewSpec, 'nonResourceAttributes' | 'resourceAttributes'>,
  ): Promise<Result<boolean>> {
    const who = { user, groups: [...groups], extra: mutable(extra), ...defined('uid', uid) };
    const body = {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SubjectAccessReview',
      spec: { ...who, ...what },
    };
    const answer = await boundedCall('ask what a caller may see', limits, (call) =>
      authorization.createSubjectAccessReview({ body }, call),
    );
    if (!answer.ok) return answer;
    const { status } = answer.value;
    return ok(status?.allowed === true && status.denied !== true);
  }

  return {
    identify,
    mayGet: (caller, path) => may(caller, { nonResourceAttributes: { path, verb: 'get' } }),
    mayPost: (caller, path) => may(caller, { nonResourceAttributes: { path, verb: 'post' } }),
    may: (caller, right) => may(caller, { resourceAttributes: right }),
  };
}

function callerOf(info: V1UserInfo | undefined, token: string): Caller | undefined {
  const user = info?.username;
  // Authorization of nobody in particular would be that of an anonymous user.
  if (user === undefined || user === '') return undefined;
  return {
    user,
    groups: info?.groups ?? [],
    extra: info?.extra ?? {},
    ...defined('uid', info?.uid),
    ...defined('expires', expiryOf(token)),
  };
}

function mutable(extra: Caller['extra']): Record<string, string[]> {
  return Object.fromEntries(Object.entries(extra).map(([key, values]) => [key, [...values]]));
}

/** `exp` of a JWT that the API server has vouched for; other tokens do not say. RFC 7519 §4.1.4 */
function expiryOf(token: string): string | undefined {
  const [, claims = '', ...rest] = token.split('.');
  if (rest.length !== 1) return undefined;
  const parsed = parseStrictJson(Buffer.from(claims, 'base64url').toString('utf8'));
  const exp = parsed.ok ? asRecord(parsed.value)?.['exp'] : undefined;
  if (typeof exp !== 'number' || !(exp > 0 && exp < 1e11)) return undefined;
  return new Date(exp * 1000).toISOString();
}
