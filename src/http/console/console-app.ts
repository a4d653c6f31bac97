/**
 * The console: pages about what was refused and what runs, for people with a browser, and the APIs of decisions and of the
 * action history beside it for programs, behind one guard. It decides nothing, runs no script, and changes nothing but that a
 * Task is asked to stop. Whoever is let in sees every decision: only of Tasks and Agents there is a view per namespace.
 */
import express, { type ErrorRequestHandler, type Express, type RequestHandler } from 'express';
import { defined } from '../../kernel/defined.ts';
import type { AgentTasks } from '../../ports/agent-tasks.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Logger } from '../../ports/logger.ts';
import type { PolicyCatalogue } from '../../ports/policies.ts';
import type { ActionHistory } from '../../ports/action-history.ts';
import type { Records } from '../../ports/records.ts';
import { historyChanges, historyRoutes, sendDocument } from '../history/history-routes.ts';
import { openApi } from '../history/openapi.ts';
import { createGuard, type AccessMode } from './guard.ts';
import { messagePage } from './layout.ts';
import { pages } from './pages.ts';
import { Reader } from './reader.ts';
import { requireAccess, tellProgram } from './require-access.ts';
import { securityHeaders, send, sendPage } from './response.ts';
import { signIn, tellPerson } from './sign-in.ts';
import { stylesheet } from './stylesheet.ts';
import { taskForms, taskPages } from './task-routes.ts';

export interface ConsoleDeps {
  readonly records: Pick<Records, 'list' | 'find' | 'positions'>;
  /** The records API, for programs, behind the same guard; below /v1/records. */
  readonly api: RequestHandler;
  /** Of the actions that were run; below /api/v1/audit. */
  readonly history: ActionHistory;
  readonly policies: PolicyCatalogue;
  /** Absent: this process knows of no Tasks. */
  readonly tasks?: AgentTasks;
  readonly mode: AccessMode;
  readonly clock: Clock;
  readonly log: Logger;
  /** How long a page waits for the records; 3 seconds unless told. */
  readonly recordsMs?: number;
}

const usualRecordsMs = 3_000;
const maxQuery = 8 * 1024;

export function consoleApp({
  mode,
  api,
  history,
  log,
  recordsMs = usualRecordsMs,
  tasks,
  ...deps
}: ConsoleDeps): Express {
  const app = express();
  app.disable('x-powered-by').disable('etag').enable('case sensitive routing').set('query parser', false);
  const guard = createGuard(mode, deps.clock);
  app.use(securityHeaders);
  app.use(shortAddress);
  const guarded = requireAccess(guard, tellProgram);
  app.use('/v1/records/actions', guarded, historyChanges(history));
  app.use('/v1/records', guarded, api);
  const historyGuarded = requireAccess(guard, tellProgram, historyRight);
  app.use('/api/v1/audit', historyGuarded, historyRoutes({ history, clock: deps.clock }));
  app.get('/openapi/action-history.json', guarded, sendDocument(openApi));
  app.get('/console/style.css', (_request, response) => send(response, 200, 'text/css; charset=utf-8', stylesheet));
  if (guard.mode === 'token') app.use('/console', signIn(guard));
  const ofTasks = { ...defined('tasks', tasks), guard, clock: deps.clock, log };
  app.use('/console', taskForms(ofTasks));
  app.use(
    '/console',
    readOnly,
    requireAccess(guard, tellPerson),
    pages({ ...deps, history, reader: new Reader(log, recordsMs) }),
    taskPages(ofTasks),
  );
  app.get('/', (_request, response) => response.writeHead(303, { location: '/console' }).end());
  app.use(nothingHere);
  app.use(unexpected(log));
  return app;
}

/** ClusterRole system:discovery lets every account of a cluster get /api/*, so that right says nothing. */
function historyRight(path: string): string {
  return path.replace(/^\/api\//, '/');
}

const shortAddress: RequestHandler = ({ originalUrl }, response, next) => {
  if (originalUrl.length <= maxQuery) return next();
  const title = 'The address is too long';
  sendPage(
    response,
    414,
    messagePage({ title, here: 'decisions' }, [`Addresses have at most ${maxQuery} characters.`]),
  );
};

const readOnly: RequestHandler = ({ method }, response, next) => {
  if (method === 'GET' || method === 'HEAD') return next();
  response.set('allow', 'GET, HEAD');
  sendPage(
    response,
    405,
    messagePage({ title: 'Only for looking', here: 'decisions' }, ['Pages of the console are read, nothing else.']),
  );
};

const nothingHere: RequestHandler = (_request, response) => {
  sendPage(
    response,
    404,
    messagePage({ title: 'There is nothing here', here: 'decisions' }, ['No page has this address.']),
  );
};

/** Express recognises an error handler by its four parameters. */
function unexpected(log: Logger): ErrorRequestHandler {
  return (error: unknown, request, response, _next) => {
    const status = clientFault(error);
    if (status === undefined) log.error({ err: error, path: request.path.slice(0, 64) }, 'page failed unexpectedly');
    if (response.headersSent) response.destroy();
    else if (status === undefined)
      sendPage(
        response,
        500,
        messagePage({ title: 'The page could not be made', here: 'decisions' }, ['The log of the program says why.']),
      );
    else
      sendPage(
        response,
        status,
        messagePage({ title: 'This request makes no sense', here: 'decisions' }, [
          'Its address or form cannot be read.',
        ]),
      );
  };
}

/** What express itself refuses: a path that is not valid percent-encoding, a form that is too large or none. */
function clientFault(error: unknown): number | undefined {
  if (!(error instanceof Error && 'status' in error && typeof error.status === 'number')) return undefined;
  return error.status >= 400 && error.status < 500 ? error.status : undefined;
}
