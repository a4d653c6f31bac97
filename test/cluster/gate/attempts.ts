/** What would come of it if somebody else tried: every request is a dry run, in the name of the user that is given. */
import { readFileSync } from 'node:fs';
import { PatchStrategy, type KubeConfig } from '@kubernetes/client-node';
import { Agent, request } from 'undici';
import { collectionOf, pathOf, type Answer, type ApiObject } from './api.ts';

export interface User {
  readonly name: string;
  /** Beside those that the API server gives to everybody and to service accounts. */
  readonly group?: string;
}

/** With every right, whatever the admission policies say. */
export const master: User = { name: 'master', group: 'system:masters' };

export interface Attempts {
  /** As `kubectl apply --server-side` does. */
  apply(user: User, object: ApiObject): Promise<Answer>;
  /** A JSON merge patch, of a subresource if one is named. */
  update(user: User, object: ApiObject, change: object, subresource?: string): Promise<Answer>;
  remove(user: User, object: ApiObject): Promise<Answer>;
  /** The deletion of every object of this kind in one request. */
  removeAll(user: User, object: ApiObject): Promise<Answer>;
  create(user: User, object: ApiObject): Promise<Answer>;
  close(): Promise<void>;
}

export function attempts(config: KubeConfig): Attempts {
  const { server, caFile } = config.getCurrentCluster() ?? {};
  const { certFile, keyFile } = config.getCurrentUser() ?? {};
  const [ca, cert, key] = [caFile, certFile, keyFile].map((file) => readFileSync(file ?? ''));
  const dispatcher = new Agent({ connect: { ca, cert, key } });

  async function send(
    user: User,
    method: 'PATCH' | 'DELETE' | 'POST',
    path: string,
    body?: object,
    type = 'application/json',
  ): Promise<Answer> {
    const answer = await request(`${server}${path}${path.includes('?') ? '&' : '?'}dryRun=All`, {
      method,
      dispatcher,
      headers: {
        'content-type': type,
        'impersonate-user': user.name,
        ...(user.group === undefined ? {} : { 'impersonate-group': user.group }),
      },
      body: body === undefined ? null : JSON.stringify(body),
      signal: AbortSignal.timeout(30_000),
    });
    return { status: answer.statusCode, headers: answer.headers, text: await answer.body.text() };
  }

  return {
    apply: (user, object) =>
      send(user, 'PATCH', `${pathOf(object)}?fieldManager=test&force=true`, object, PatchStrategy.ServerSideApply),
    update: (user, object, change, subresource) => {
      const path = subresource === undefined ? pathOf(object) : `${pathOf(object)}/${subresource}`;
      return send(user, 'PATCH', path, change, PatchStrategy.MergePatch);
    },
    remove: (user, object) => send(user, 'DELETE', pathOf(object)),
    removeAll: (user, object) => send(user, 'DELETE', collectionOf(object)),
    create: (user, object) => send(user, 'POST', collectionOf(object), object),
    close: () => dispatcher.close(),
  };
}
