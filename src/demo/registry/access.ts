import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/** Who may do what at the registry: everybody, whoever knows a password, or whoever has a token. */
export type Access =
  | { readonly kind: 'open' }
  | { readonly kind: 'basic'; readonly username: string; readonly password: string }
  | {
      readonly kind: 'token';
      readonly username: string;
      readonly password: string;
      /** A refresh token that is as good as the password. */
      readonly identityToken?: string;
      readonly anonymousPull?: boolean;
      readonly tokenSeconds?: number;
    };

export interface Wanted {
  readonly repository: string;
  readonly action: 'pull' | 'push';
}

interface Grant {
  readonly scope: string;
  readonly until: number;
}

const defaultTokenSeconds = 300;

export class Gate {
  readonly #access: Access;
  readonly #grants = new Map<string, Grant>();

  constructor(access: Access) {
    this.#access = access;
  }

  /** Undefined when the request may pass, else the value of WWW-Authenticate. */
  challenge(request: IncomingMessage, wanted: Wanted | undefined, url: string): string | undefined {
    const { authorization } = request.headers;
    switch (this.#access.kind) {
      case 'open':
        return undefined;
      case 'basic':
        return isPassword(this.#access, authorization) ? undefined : 'Basic realm="Registry"';
      case 'token':
        return this.#granted(authorization, wanted) ? undefined : bearer(url, wanted);
    }
  }

  /** The token endpoint's answer, or undefined for credentials that are not right. distribution spec §token */
  token(request: IncomingMessage, query: URLSearchParams, form: URLSearchParams): object | undefined {
    if (this.#access.kind !== 'token') return undefined;
    const scope = (query.get('scope') ?? form.get('scope') ?? '').replace(/push/g, (push) =>
      this.#isKnown(request, form) ? push : '',
    );
    const mayHave = this.#isKnown(request, form) || this.#isAnonymous(request, form);
    if (!mayHave) return undefined;
    const seconds = this.#access.tokenSeconds ?? defaultTokenSeconds;
    const token = randomUUID();
    this.#grants.set(token, { scope, until: Date.now() + seconds * 1_000 });
    return { token, access_token: token, expires_in: seconds };
  }

  /** Forgets every token, as a registry does that was restarted with a new key. */
  revokeTokens(): void {
    this.#grants.clear();
  }

  #isKnown(request: IncomingMessage, form: URLSearchParams): boolean {
    if (this.#access.kind !== 'token') return false;
    const { identityToken } = this.#access;
    const refresh = form.get('grant_type') === 'refresh_token' ? form.get('refresh_token') : null;
    return (
      isPassword(this.#access, request.headers.authorization) ||
      (identityToken !== undefined && refresh === identityToken)
    );
  }

  #isAnonymous(request: IncomingMessage, form: URLSearchParams): boolean {
    const { authorization } = request.headers;
    return (
      this.#access.kind === 'token' &&
      this.#access.anonymousPull === true &&
      authorization === undefined &&
      form.size === 0
    );
  }

  #granted(authorization: string | undefined, wanted: Wanted | undefined): boolean {
    const grant = this.#grants.get(authorization?.replace(/^Bearer /, '') ?? '');
    if (grant === undefined || grant.until < Date.now()) return false;
    if (wanted === undefined) return true;
    return grant.scope.split(' ').some((scope) => {
      const [, repository, actions = ''] = scope.split(':');
      return repository === wanted.repository && actions.split(',').includes(wanted.action);
    });
  }
}

function isPassword(access: Exclude<Access, { kind: 'open' }>, authorization: string | undefined): boolean {
  const expected = Buffer.from(`${access.username}:${access.password}`).toString('base64');
  return authorization === `Basic ${expected}`;
}

function bearer(url: string, wanted: Wanted | undefined): string {
  const scope = wanted === undefined ? '' : `,scope="repository:${wanted.repository}:${scopeActions(wanted)}"`;
  return `Bearer realm="${url}/token",service="countersign-demo"${scope}`;
}

function scopeActions({ action }: Wanted): string {
  return action === 'push' ? 'pull,push' : 'pull';
}
