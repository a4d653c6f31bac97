/**
 * The records API: decisions as JSON, exactly as they were written, and chains as JSON lines whose hashes can be checked
 * anywhere. Read only. Who may ask is settled before a request comes here; whoever may sees every decision.
 */
import { once } from 'node:events';
import { Router, type Response } from 'express';
import type { Logger } from '../../ports/logger.ts';
import type { DecisionRecord, Records } from '../../ports/records.ts';
import { accepted, given, parametersOf, sendError, sendJson, sendText, wrongMethod } from '../answers.ts';
import { parseChainParameters, parseListParameters, parseNoParameters } from './parameters.ts';

export interface RecordsRoutesDeps {
  readonly records: Pick<Records, 'list' | 'find' | 'positions' | 'chain'>;
  readonly log: Logger;
}

const exportBatch = 500;
/** A reader that takes nothing for so long is gone. */
const drainMs = 30_000;
const longestId = 256;

/** To be mounted at /v1/records, behind authentication. */
export function recordsRoutes({ records, log }: RecordsRoutesDeps): Router {
  const router = Router({ caseSensitive: true, strict: true });

  router.get('/', async (request, response) => {
    const query = accepted(response, parseListParameters(parametersOf(request)));
    const page = query && given(response, await records.list(query));
    if (page === undefined) return;
    const next = page.next === undefined ? '' : `,"next":${JSON.stringify(page.next)}`;
    sendText(response, 200, 'application/json', `{"records":[${linesOf(page.records).join(',')}]${next}}`);
  });

  router.get('/positions', async (request, response) => {
    if (accepted(response, parseNoParameters(parametersOf(request))) === undefined) return;
    const positions = given(response, await records.positions());
    if (positions !== undefined) sendJson(response, 200, { positions });
  });

  router.get('/chain', async (request, response) => {
    const asked = accepted(response, parseChainParameters(parametersOf(request)));
    const found = asked && given(response, await records.chain(asked.writer, asked.from, asked.limit));
    if (found === undefined) return;
    sendText(response, 200, 'application/x-ndjson', textOf(found));
  });

  router.get('/export', async (request, response) => {
    if (accepted(response, parseNoParameters(parametersOf(request))) === undefined) return;
    await sendExport(response, records, log);
  });

  router.get('/:id', async (request, response) => {
    if (accepted(response, parseNoParameters(parametersOf(request))) === undefined) return;
    const { id } = request.params;
    if (id.length > longestId) return sendError(response, 400, `An id has at most ${longestId} characters.`);
    const found = given(response, await records.find(id));
    if (found === undefined) return;
    if (found.length === 0) return sendError(response, 404, 'No decision has this uid or correlation id.');
    sendText(response, 200, 'application/json', `{"records":[${linesOf(found).join(',')}]}`);
  });

  router.all(['/', '/:path'], wrongMethod('GET, HEAD'));
  return router;
}

/** One chain after another. An end that comes too early is seen by the reader: the answer's last chunk is missing. */
async function sendExport(response: Response, records: RecordsRoutesDeps['records'], log: Logger): Promise<void> {
  const positions = given(response, await records.positions());
  if (positions === undefined) return;
  response.writeHead(200, { 'content-type': 'application/x-ndjson' });
  for (const { writer, first, last } of positions) {
    let from = first;
    while (from <= last && !response.destroyed) {
      const found = await records.chain(writer, from, Math.min(exportBatch, last - from + 1));
      if (!found.ok) {
        log.error({ reason: found.failure.message }, 'export of records ended early');
        response.destroy();
        return;
      }
      const end = found.value.at(-1);
      // Removed meanwhile.
      if (end === undefined) break;
      await write(response, textOf(found.value));
      from = end.sequence + 1;
    }
  }
  response.end();
}

async function write(response: Response, text: string): Promise<void> {
  if (response.write(text) || response.destroyed) return;
  const signal = AbortSignal.timeout(drainMs);
  // Closing ends the wait, too.
  await Promise.race([once(response, 'drain', { signal }), once(response, 'close', { signal })]).catch(() =>
    response.destroy(),
  );
}

function linesOf(records: readonly DecisionRecord[]): readonly string[] {
  return records.map(({ line }) => line);
}

function textOf(records: readonly DecisionRecord[]): string {
  return records.map(({ line }) => `${line}\n`).join('');
}
