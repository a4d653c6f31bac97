/** The pages behind the guard: each asks the records, the history of actions or the policies, and shows what they say. */
import express, { type RequestHandler, type Response, type Router } from 'express';
import { defined } from '../../kernel/defined.ts';
import type { Clock } from '../../ports/clock.ts';
import type { PolicyCatalogue } from '../../ports/policies.ts';
import type { DecisionRecord, RecordQuery, Records } from '../../ports/records.ts';
import type { ActionHistory } from '../../ports/action-history.ts';
import { actionQuery, readActionsAddress } from './action-filters.ts';
import { actionsPage } from './actions-page.ts';
import { decisionPage } from './decision-page.ts';
import { decisionsPage, recordsNotice } from './decisions-page.ts';
import { readAddress, recordQuery } from './filters.ts';
import { messagePage, page } from './layout.ts';
import { policiesPage, readPolicyFilters } from './policies-page.ts';
import { policyKinds, policyOverview, warningsOf, type PolicyEntry } from './policy-entries.ts';
import { policyPage } from './policy-page.ts';
import type { Reader } from './reader.ts';
import { userOf } from './require-access.ts';
import { searchOf, sendPage, sendUnavailable } from './response.ts';
import { html } from './html.ts';
import { workflowPage } from './workflow-page.ts';

export interface PagesDeps {
  readonly records: Pick<Records, 'list' | 'find' | 'positions'>;
  readonly history: Pick<ActionHistory, 'list'>;
  readonly policies: PolicyCatalogue;
  readonly clock: Clock;
  readonly reader: Reader;
}

const pageSize = 50;
const maxRelated = 10;
/** Decisions in which images of a policy are looked for. */
const maxOfPolicy = 100;
const maxPolicyTexts = 10;
/** As many as the history takes of one workflow. */
const maxSteps = 500;

export function pages(deps: PagesDeps): Router {
  const router = express.Router({ caseSensitive: true });
  router.get('/', decisions(deps));
  router.get('/decisions/:id', decision(deps));
  router.get('/actions', actions(deps));
  router.get('/actions/:uid', workflow(deps));
  router.get('/policies', policies(deps));
  router.get('/policies/:kind/:name', policy(deps));
  return router;
}

function decisions({ records, clock, reader }: PagesDeps): RequestHandler {
  return async (request, response) => {
    const asked = readAddress(searchOf(request));
    const user = userOf(response);
    if (asked.problems.length > 0) return sendPage(response, 400, decisionsPage({ ...user, asked }));
    const query = recordQuery(asked.filters, asked.place, clock.now(), pageSize);
    const [found, positions] = await Promise.all([
      reader.ask(() => records.list(query)),
      reader.ask(() => records.positions()),
    ]);
    const view = { ...user, asked, ...defined('positions', positions.ok ? positions.value : undefined) };
    if (found.ok) sendPage(response, 200, decisionsPage({ ...view, found: found.value }));
    else sendUnavailable(response, decisionsPage({ ...view, unavailable: found.failure.message }));
  };
}

function decision(deps: PagesDeps): RequestHandler {
  return async (request, response) => {
    const { id } = request.params;
    // What no correlation id or uid looks like need not be looked for.
    if (typeof id !== 'string' || !/^[\w.:-]{1,128}$/.test(id)) return sendNoDecision(response);
    const found = await deps.reader.ask(() => deps.records.find(id));
    if (!found.ok) return sendRecordsUnavailable(response, found.failure.message);
    const [first, ...others] = found.value;
    if (first === undefined) return sendNoDecision(response);
    const [ofObject, ofImage] = await related(deps, first, found.value);
    const snapshot = deps.policies.current()?.generation;
    const view = {
      records: [first, ...others],
      policies: namedPolicies(deps.policies, found.value),
      ...defined('snapshot', snapshot),
      ofObject,
      ofImage,
    } as const;
    sendPage(response, 200, decisionPage({ ...userOf(response), ...view }));
  };
}

function sendNoDecision(response: Response): void {
  sendPage(
    response,
    404,
    messagePage({ title: 'No such decision', here: 'decisions', ...userOf(response) }, [
      'No record has this id. It may have been removed for its age, or not have arrived yet: decisions are here within seconds.',
      html`<a href="/console">All decisions</a>`,
    ]),
  );
}

/** Others about the same object, and about the same image; without an answer none. */
async function related(
  { records, reader }: PagesDeps,
  { decision: { kind, namespace, name, images } }: DecisionRecord,
  own: readonly DecisionRecord[],
): Promise<readonly [ofObject: readonly DecisionRecord[], ofImage: readonly DecisionRecord[]]> {
  const ids = new Set(own.map(({ decision: { correlationId } }) => correlationId));
  const list = async (query: Omit<RecordQuery, 'limit'> | undefined): Promise<readonly DecisionRecord[]> => {
    if (query === undefined) return [];
    const found = await reader.ask(() => records.list({ ...query, limit: maxRelated + own.length }));
    const all = found.ok ? found.value.records : [];
    return all.filter((record) => !ids.has(record.decision.correlationId)).slice(0, maxRelated);
  };
  const image = images[0]?.digest ?? images[0]?.image;
  const named = name === undefined || name === '' || kind === undefined ? undefined : { kind, name };
  return Promise.all([
    list(named === undefined ? undefined : { ...named, ...defined('namespace', namespace || undefined) }),
    list(image === undefined || image === '' ? undefined : { image }),
  ]);
}

function namedPolicies(catalogue: PolicyCatalogue, records: readonly DecisionRecord[]): readonly PolicyEntry[] {
  const reasons = records.flatMap(({ decision: found }) => [...found.reasons, ...(found.audited ?? [])]);
  const names = new Set(reasons.flatMap(({ policy: name }) => name ?? []));
  if (names.size === 0) return [];
  const { entries } = policyOverview(catalogue, names);
  return entries.filter(({ name }) => names.has(name)).slice(0, maxPolicyTexts);
}

function actions({ history, clock, reader }: PagesDeps): RequestHandler {
  return async (request, response) => {
    const asked = readActionsAddress(searchOf(request));
    const view = { ...userOf(response), asked };
    if (asked.problems.length > 0) return sendPage(response, 400, actionsPage(view));
    const found = await reader.ask(() => history.list(actionQuery(asked, clock.now(), pageSize)));
    if (found.ok) sendPage(response, 200, actionsPage({ ...view, found: found.value }));
    else sendUnavailable(response, actionsPage({ ...view, unavailable: found.failure.message }));
  };
}

function workflow({ history, reader }: PagesDeps): RequestHandler {
  return async (request, response) => {
    const workflowUid = String(request.params['uid']);
    const found = await reader.ask(() => history.list({ workflowUid, limit: maxSteps }));
    if (!found.ok) return sendRecordsUnavailable(response, found.failure.message, 'Workflow', 'actions');
    const [first, ...others] = found.value.actions.toReversed();
    if (first === undefined) return sendNoWorkflow(response);
    const view = { actions: [first, ...others], isCut: found.value.next !== undefined } as const;
    sendPage(response, 200, workflowPage({ ...userOf(response), ...view }));
  };
}

function sendNoWorkflow(response: Response): void {
  sendPage(
    response,
    404,
    messagePage({ title: 'No such workflow', here: 'actions', ...userOf(response) }, [
      'Nothing that was run is recorded under this UID. It may have been removed for its age, or not have begun yet.',
      html`<a href="/console/actions">All actions</a>`,
    ]),
  );
}

function policies({ policies: catalogue }: PagesDeps): RequestHandler {
  return (request, response) => {
    const asked = readPolicyFilters(searchOf(request));
    const view = { ...userOf(response), overview: policyOverview(catalogue), ...asked };
    const inForce = catalogue.current() !== undefined;
    sendPage(response, asked.problems.length > 0 ? 400 : 200, policiesPage({ ...view, inForce }));
  };
}

function policy({ policies: catalogue, records, clock, reader }: PagesDeps): RequestHandler {
  return async (request, response) => {
    const { kind, name } = request.params;
    const { entries } = policyOverview(catalogue, new Set([String(name)]));
    const entry = entries.find((candidate) => candidate.kind === kind && candidate.name === name);
    if (entry === undefined) return sendNoPolicy(response);
    const found = await reader.ask(() => records.list({ policy: entry.name, limit: maxOfPolicy }));
    const view = { ...userOf(response), entry, warnings: warningsOf(entry, clock.now()) };
    if (found.ok) sendPage(response, 200, policyPage({ ...view, records: found.value.records }));
    else sendUnavailable(response, policyPage({ ...view, unavailable: found.failure.message }));
  };
}

function sendNoPolicy(response: Response): void {
  const kinds = policyKinds.join(' or ');
  sendPage(
    response,
    404,
    messagePage({ title: 'No such policy', here: 'policies', ...userOf(response) }, [
      `No ${kinds} has this name now.`,
      html`<a href="/console/policies">All policies</a>`,
    ]),
  );
}

function sendRecordsUnavailable(
  response: Response,
  why: string,
  title = 'Decision',
  here: 'decisions' | 'actions' = 'decisions',
): void {
  sendUnavailable(
    response,
    page(
      { title, here, ...userOf(response) },
      html`<h1>${title}</h1>
        ${recordsNotice(why)}`,
    ),
  );
}
