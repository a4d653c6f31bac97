import type { Request, RequestHandler, Response } from 'express';
import type { Caller } from '../../ports/access.ts';
import type { Denial, Guard } from './guard.ts';

/** How a denial is told: a page for people, JSON for programs. */
export type TellDenial = (request: Request, response: Response, denial: Denial) => void;

/**
 * What follows is for callers whom the guard lets `get` the path of the request, or `post` to it. `asked`: the path that
 * they need the right for, when it is another one.
 */
export function requireAccess(guard: Guard, tell: TellDenial, asked = (path: string): string => path): RequestHandler {
  return async (request, response, next) => {
    const [path = '/'] = request.originalUrl.split('?', 1);
    const entry = await guard.enter(request, asked(path));
    if (entry.kind !== 'in') return tell(request, response, entry);
    letIn(response, entry.caller);
    next();
  };
}

export function letIn({ locals }: Response, caller: Caller | undefined): void {
  if (caller === undefined) return;
  locals['user'] = caller.user;
  locals['caller'] = caller;
}

/** Undefined: nobody knows who it is. */
export function callerOf({ locals }: Response): Caller | undefined {
  // Nobody else puts anything there.
  return locals['caller'] as Caller | undefined;
}

export function userOf({ locals }: Response): { readonly user?: string } {
  const user: unknown = locals['user'];
  return typeof user === 'string' ? { user } : {};
}

export function statusOf(denial: Denial): number {
  switch (denial.kind) {
    case 'unknown':
    case 'rejected':
      return 401;
    case 'forbidden':
    case 'only-reading':
      return 403;
    case 'foreign-host':
      // RFC 9110 §15.5.20
      return 421;
    case 'too-many':
      return 429;
    case 'unavailable':
      return 503;
  }
}

export function denialHeaders(denial: Denial): Readonly<Record<string, string>> {
  switch (denial.kind) {
    case 'unknown':
      return { 'www-authenticate': 'Bearer' };
    case 'rejected':
      return { 'www-authenticate': 'Bearer error="invalid_token"' };
    case 'too-many':
      return { 'retry-after': String(denial.retryAfterSeconds) };
    case 'unavailable':
      return { 'retry-after': '5' };
    case 'forbidden':
    case 'only-reading':
    case 'foreign-host':
      return {};
  }
}

const roles = { get: 'countersign-console-viewer', post: 'countersign-action-history-writer' } as const;

export function denialSentence(denial: Denial): string {
  switch (denial.kind) {
    case 'unknown':
      return 'This needs a token of the cluster, as "Authorization: Bearer …".';
    case 'rejected':
      return 'The cluster does not accept this token: it is over, was withdrawn, or is meant for something else.';
    case 'forbidden':
      return `The cluster knows ${denial.user}, but does not let them ${denial.verb} ${denial.path}. ClusterRole ${roles[denial.verb]} allows it.`;
    case 'only-reading':
      return 'This port is for reading. Writing needs a token of the cluster, at the port for which one is needed.';
    case 'foreign-host':
      return 'This port answers to localhost and 127.0.0.1 only.';
    case 'too-many':
      return `Too many tokens from this address were not accepted; try again in ${denial.retryAfterSeconds} seconds.`;
    case 'unavailable':
      return `The cluster cannot be asked who you are: ${denial.message}.`;
  }
}

export const tellProgram: TellDenial = (_request, response, denial) => {
  response
    .set(denialHeaders(denial))
    .status(statusOf(denial))
    .json({ error: denialSentence(denial) });
};
