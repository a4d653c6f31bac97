/**
 * The API of the action history: what was run and what came of it, to be asked for and to be added to. Paths, parameters
 * and names are those of the Data Storage API; openapi.ts says the same for programs. Who may do what is settled before a
 * request comes here.
 */
import { Router, type RequestHandler } from 'express';
import type { Result } from '../../kernel/result.ts';
import type { ActionHistory } from '../../ports/action-history.ts';
import type { Clock } from '../../ports/clock.ts';
import {
  parseAction,
  parseAssessment,
  parseWorkflowActions,
  printAction,
  printChange,
} from '../../records/history/action-json.ts';
import { accepted, given, parametersOf, sendError, sendFailure, sendJson, wrongMethod } from '../answers.ts';
import { printEffectiveness } from './json.ts';
import {
  parseActionsParameters,
  parseChangesParameters,
  parseEffectivenessParameters,
  parseNone,
} from './parameters.ts';
import { JsonBodies } from './read-json.ts';

export interface HistoryRoutesDeps {
  readonly history: ActionHistory;
  readonly clock: Clock;
}

/** To be mounted at /api/v1/audit, behind authentication. */
export function historyRoutes({ history, clock }: HistoryRoutesDeps): Router {
  const router = Router({ caseSensitive: true, strict: true });
  const bodies = new JsonBodies();

  router.get('/actions', async (request, response) => {
    const query = accepted(response, parseActionsParameters(parametersOf(request), clock.now()));
    const page = query && given(response, await history.list(query));
    if (page === undefined) return;
    const { actions, next } = page;
    sendJson(response, 200, { actions: actions.map(printAction), ...(next === undefined ? {} : { next }) });
  });

  router.get('/actions/oldest', async (request, response) => {
    if (accepted(response, parseNone(parametersOf(request))) === undefined) return;
    const found = await history.oldest();
    if (!found.ok) return sendFailure(response, found.failure);
    if (found.value === undefined) return sendError(response, 404, 'No action is recorded.');
    sendJson(response, 200, printAction(found.value));
  });

  router.get('/actions/:workflow/:step', async (request, response) => {
    if (accepted(response, parseNone(parametersOf(request))) === undefined) return;
    const found = await history.find(request.params.workflow, request.params.step);
    if (!found.ok) return sendFailure(response, found.failure);
    if (found.value === undefined)
      return sendError(response, 404, 'No workflow of this UID has a record of this step.');
    sendJson(response, 200, printAction(found.value));
  });

  router.get('/effectiveness', async (request, response) => {
    const query = accepted(response, parseEffectivenessParameters(parametersOf(request), clock.now()));
    const found = query && given(response, await history.effectiveness(query));
    if (found !== undefined) sendJson(response, 200, { effectiveness: found.map(printEffectiveness) });
  });

  /** Reads the body, stores what it says, and answers with its id. */
  function post<T>(
    path: string,
    parse: (body: unknown) => Result<T, string>,
    store: (parsed: T) => Promise<Result<void>>,
    id: (parsed: T) => string,
  ): void {
    router.post(path, async (request, response) => {
      if (accepted(response, parseNone(parametersOf(request))) === undefined) return;
      const body = await bodies.read(request);
      if (body.kind === 'refused') return sendError(response, body.status, body.message);
      const parsed = accepted(response, parse(body.value));
      if (parsed === undefined) return;
      const stored = await store(parsed);
      if (!stored.ok) return sendFailure(response, stored.failure);
      sendJson(response, 201, { id: id(parsed) });
    });
  }

  post(
    '/effectiveness',
    (body) => parseAssessment(body, clock.now()),
    (assessment) => history.assess([assessment]),
    ({ workflowUid, step, assessor }) => [workflowUid, step, assessor].filter((part) => part !== '').join('/'),
  );
  post(
    '/workflow',
    parseWorkflowActions,
    (actions) => history.record(actions),
    ([action]) => action?.workflowUid ?? '',
  );
  post(
    '/execution',
    (body) => parseAction(body),
    (action) => history.record([action]),
    ({ workflowUid, step }) => `${workflowUid}/${step}`,
  );

  router.all(['/actions', '/actions/oldest', '/actions/:workflow/:step'], wrongMethod('GET, HEAD'));
  router.all('/effectiveness', wrongMethod('GET, HEAD, POST'));
  router.all(['/workflow', '/execution'], wrongMethod('POST'));
  router.use((_request, response) => sendError(response, 404, 'There is nothing at this path.'));
  return router;
}

/** To be mounted at /v1/records/actions, behind authentication: what other replicas take over. */
export function historyChanges(history: Pick<ActionHistory, 'changes'>): Router {
  const router = Router({ caseSensitive: true, strict: true });
  router.get('/', async (request, response) => {
    const asked = accepted(response, parseChangesParameters(parametersOf(request)));
    const found = asked && given(response, await history.changes(asked.after, asked.limit));
    if (found === undefined) return;
    sendJson(response, 200, { store: found.store, changes: found.changes.map(printChange) });
  });
  router.all('/', wrongMethod('GET, HEAD'));
  return router;
}

export function sendDocument(document: object): RequestHandler {
  return (_request, response) => sendJson(response, 200, document);
}
