/**
 * The records API of another process. The certificate is verified, for the name that is given, against the CA that is
 * given; every answer has a deadline and a limit on its size; every line that comes is proven by its hash.
 */
import type { Readable } from 'node:stream';
import { Agent, request, type Dispatcher } from 'undici';
import { defined } from '../../kernel/defined.ts';
import { failure, quoted, type Failure } from '../../kernel/failure.ts';
import { fail, ok, type Result } from '../../kernel/result.ts';
import { asRecord, parseStrictJson } from '../../kernel/strict-json.ts';
import type { ActionChanges, ActionPage, ActionQuery } from '../../ports/action-history.ts';
import type { ChainPosition, DecisionRecord, RecordPage, RecordQuery, RecordWriter } from '../../ports/records.ts';
import { parseAction, parseChange } from '../../records/history/action-json.ts';
import { parseRecord, readStoredLine } from '../../records/parse-record.ts';
import { parsePositions } from './parse-positions.ts';

export interface RecordsClientSettings {
  /** Without path, e.g. https://10.0.0.7:9443 */
  readonly baseUrl: string;
  /** Asked for each request: tokens of service accounts change. */
  readonly token?: () => Promise<string | undefined>;
  /** PEM; asked for each request. Without it the certificates of the system. */
  readonly ca?: () => string | undefined;
  /** The name that the certificate must have, when it is not the one in the URL. */
  readonly serverName?: string;
}

export interface RecordsClient {
  list(query: RecordQuery): Promise<Result<RecordPage>>;
  find(id: string): Promise<Result<readonly DecisionRecord[]>>;
  positions(): Promise<Result<readonly ChainPosition[]>>;
  chain(writer: RecordWriter, from: number, limit: number): Promise<Result<readonly DecisionRecord[]>>;
  /** Of the action history. */
  actions(query: ActionQuery): Promise<Result<ActionPage>>;
  changes(after: number, limit: number): Promise<Result<ActionChanges>>;
  close(): Promise<void>;
}

type ApiFailure = Failure & {
  /** Absent: there was no answer. */
  readonly status?: number;
};

const root = '/v1/records';
const answerMs = 15_000;
/** 1,000 records of 1 MiB would be more: such pages have to be asked for in smaller ones. */
const maxBytes = 64 * 1024 * 1024;

export function recordsClient(settings: RecordsClientSettings): RecordsClient {
  const { baseUrl } = settings;
  let agent: { readonly ca: string | undefined; readonly agent: Agent } | undefined;

  /** Another CA needs other connections. */
  function agentNow(): Agent {
    const ca = settings.ca?.();
    if (agent !== undefined && agent.ca === ca) return agent.agent;
    void agent?.agent.close();
    const connect = { timeout: 5_000, ...defined('ca', ca), ...defined('servername', settings.serverName) };
    agent = { ca, agent: new Agent({ connect, connections: 4 }) };
    return agent.agent;
  }

  async function ask(path: string): Promise<Result<Dispatcher.ResponseData, ApiFailure>> {
    try {
      const token = await settings.token?.();
      const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
      const signal = AbortSignal.timeout(answerMs);
      const answer = await request(`${baseUrl}${path}`, { dispatcher: agentNow(), headers, signal });
      if (answer.statusCode === 200) return ok(answer);
      return fail(await refusal(baseUrl, answer));
    } catch (error) {
      return fail(unreachable(baseUrl, error));
    }
  }

  async function text(path: string): Promise<Result<string, ApiFailure>> {
    const answer = await ask(path);
    if (!answer.ok) return answer;
    try {
      return ok((await readAtMost(answer.value.body, maxBytes)).toString('utf8'));
    } catch (error) {
      return fail(unreachable(baseUrl, error));
    }
  }

  async function json(path: string): Promise<Result<Readonly<Record<string, unknown>>, ApiFailure>> {
    const answer = await text(path);
    if (!answer.ok) return answer;
    const parsed = parseStrictJson(answer.value);
    const members = parsed.ok ? asRecord(parsed.value) : undefined;
    return members === undefined ? fail(senseless(baseUrl)) : ok(members);
  }

  async function records(path: string): Promise<Result<RecordPage, ApiFailure>> {
    const answer = await json(path);
    if (!answer.ok) return answer;
    const { records: given, next } = answer.value;
    // Read anew, so `line` has the same members but need not have the same bytes; chains are for proving.
    const found = Array.isArray(given)
      ? given.map((item: unknown) => readStoredLine(JSON.stringify(item)))
      : [undefined];
    const known = found.filter((record) => record !== undefined);
    if (known.length < found.length) return fail(senseless(baseUrl));
    return ok({ records: known, ...defined('next', typeof next === 'string' ? next : undefined) });
  }

  return {
    list: (query) => records(`${root}?${parametersOf(query).toString()}`),
    find: async (id) => {
      const page = await records(`${root}/${encodeURIComponent(id)}`);
      if (page.ok) return ok(page.value.records);
      // An answer of its own: there is none.
      return page.failure.status === 404 ? ok([]) : page;
    },
    positions: async () => {
      const answer = await json(`${root}/positions`);
      if (!answer.ok) return answer;
      const positions = parsePositions(answer.value['positions']);
      return positions === undefined ? fail(senseless(baseUrl)) : ok(positions);
    },
    chain: async ({ id, startedAt }, from, limit) => {
      const query = new URLSearchParams({ writer: id, startedAt, from: String(from), limit: String(limit) });
      const answer = await text(`${root}/chain?${query.toString()}`);
      return answer.ok ? provenLines(baseUrl, answer.value) : answer;
    },
    actions: async (query) => {
      const answer = await json(`/api/v1/audit/actions?${actionParameters(query).toString()}`);
      if (!answer.ok) return answer;
      const { actions: given, next } = answer.value;
      const found = Array.isArray(given) ? given.map((item: unknown) => parseAction(item)) : [undefined];
      const actions = found.flatMap((one) => (one?.ok === true ? [one.value] : []));
      if (actions.length < found.length) return fail(senseless(baseUrl));
      return ok({ actions, ...defined('next', typeof next === 'string' ? next : undefined) });
    },
    changes: async (after, limit) => {
      const answer = await json(`${root}/actions?after=${after}&limit=${limit}`);
      if (!answer.ok) return answer;
      const { store, changes: given } = answer.value;
      const found = Array.isArray(given) ? given.map(parseChange) : [undefined];
      const changes = found.filter((change) => change !== undefined);
      if (typeof store !== 'string' || changes.length < found.length) return fail(senseless(baseUrl));
      return ok({ store, changes });
    },
    close: async () => {
      await agent?.agent.destroy();
    },
  };
}

function parametersOf({ verdicts = [], limit, ...texts }: RecordQuery): URLSearchParams {
  const query = new URLSearchParams({ limit: String(limit), ...texts });
  for (const verdict of verdicts) query.append('verdict', verdict);
  return query;
}

function actionParameters(query: ActionQuery): URLSearchParams {
  const { actionType, status, engine, workflow, workflowUid, namespace, since, after, limit } = query;
  const wanted = {
    action_type: actionType,
    status,
    engine,
    workflow,
    workflow_uid: workflowUid,
    namespace,
    since,
    after,
  };
  const search = new URLSearchParams({ limit: String(limit) });
  for (const [name, value] of Object.entries(wanted)) if (value !== undefined) search.set(name, value);
  return search;
}

function provenLines(baseUrl: string, text: string): Result<readonly DecisionRecord[]> {
  const records: DecisionRecord[] = [];
  for (const line of text.split('\n').slice(0, -1)) {
    const parsed = parseRecord(Buffer.from(line));
    if (!parsed.ok) return fail(unavailable(`${baseUrl} gives a record that is not what it was: ${parsed.failure}`));
    records.push(parsed.value.record);
  }
  return ok(records);
}

async function readAtMost(body: Readable, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    // A body without encoding yields buffers.
    const bytes = chunk as Buffer;
    size += bytes.length;
    if (size > limit) {
      body.destroy();
      throw new Error(`the answer is longer than ${limit} bytes`);
    }
    chunks.push(bytes);
  }
  return Buffer.concat(chunks);
}

async function refusal(baseUrl: string, { statusCode, body }: Dispatcher.ResponseData): Promise<ApiFailure> {
  const parsed = parseStrictJson(await readAtMost(body, 64 * 1024).catch(() => Buffer.from('')));
  const said = parsed.ok ? asRecord(parsed.value)?.['error'] : undefined;
  const why = typeof said === 'string' ? `: ${quoted(said)}` : '';
  return { ...unavailable(`${baseUrl} answers ${statusCode}${why}`), status: statusCode };
}

function unreachable(baseUrl: string, error: unknown): Failure {
  const why = error instanceof Error ? error.message || error.name : 'unknown error';
  return unavailable(`${baseUrl} cannot be asked: ${quoted(why)}`);
}

function senseless(baseUrl: string): Failure {
  return unavailable(`${baseUrl} does not answer as the records API does`);
}

function unavailable(message: string): Failure {
  return failure('RECORDS_UNAVAILABLE', message, 5);
}
