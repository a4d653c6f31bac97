import express, { type Request, type RequestHandler, type Response, type Router } from 'express';
import { asRecord } from '../../kernel/strict-json.ts';
import type { Denial, Guard } from './guard.ts';
import { denialPage, loginPage } from './login-page.ts';
import { messagePage } from './layout.ts';
import { denialHeaders, statusOf } from './require-access.ts';
import { sendPage } from './response.ts';
import { isSameOrigin, safeNext } from './same-origin.ts';

/** A token and where to go on. */
const maxForm = '24kb';

/** /console/login and /console/logout. */
export function signIn(guard: Guard): Router {
  const router = express.Router({ caseSensitive: true });
  const form = express.urlencoded({ extended: false, limit: maxForm, parameterLimit: 4 });
  router.get('/login', (_request, response) => sendPage(response, 200, loginPage('/console')));
  router.post('/login', ownForms, form, async (request, response) => {
    const body = asRecord(request.body);
    const { token, next } = { token: body?.['token'], next: safeNext(body?.['next']) };
    const login = await guard.login(request, typeof token === 'string' ? token.trim() : '');
    if (login.kind === 'session') redirect(response, next, login.cookie);
    else if (login.kind === 'rejected' || login.kind === 'unknown') tellBrowser(login, response, next);
    else tellDenial(login, response);
  });
  router.post('/logout', ownForms, (request, response) => {
    redirect(response, '/console/login', guard.logout(request));
  });
  return router;
}

export const ownForms: RequestHandler = (request, response, next) => {
  if (isSameOrigin(request)) return next();
  const sentence =
    'This was sent from another site, or by a program. Programs send their token as "Authorization: Bearer …".';
  sendPage(response, 403, messagePage({ title: 'Not from here', bare: true }, [sentence]));
};

function redirect(response: Response, to: string, cookie: string): void {
  response.set('set-cookie', cookie).writeHead(303, { location: to }).end();
}

/** For pages: whoever has not shown a token yet is asked for it. */
export function tellPerson(request: Request, response: Response, denial: Denial): void {
  const isBrowser = request.headers.authorization === undefined;
  if (denial.kind === 'unknown' && isBrowser) tellBrowser(denial, response, safeNext(request.originalUrl));
  else tellDenial(denial, response);
}

function tellBrowser(denial: Denial, response: Response, next: string): void {
  response.set(denialHeaders(denial));
  sendPage(response, statusOf(denial), loginPage(next, denial.kind === 'unknown' ? undefined : denial));
}

function tellDenial(denial: Denial, response: Response): void {
  response.set(denialHeaders(denial));
  sendPage(response, statusOf(denial), denialPage(denial));
}
