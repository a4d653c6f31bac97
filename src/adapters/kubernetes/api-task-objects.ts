/**
 * Tasks and what belongs to them as the API server has them now, for one command: with the rights of whoever runs it, so
 * refusals are told in the API server's own words.
 */
import type { KubeConfig } from '@kubernetes/client-node';
import { defined } from '../../kernel/defined.ts';
import { failure, quoted } from '../../kernel/failure.ts';
import type { Kind, KubeObject } from '../../kernel/kube-object.ts';
import { fail, ok, type Result } from '../../kernel/result.ts';
import { asRecord, parseStrictJson } from '../../kernel/strict-json.ts';
import type { LoggingContainer } from '../../ports/agent-tasks.ts';
import type { TaskObjects } from './agent-tasks.ts';
import { apiClient, type ApiAnswer, type ApiClient } from './api-request.ts';
import type { CallLimits } from './bounded-call.ts';
import { kubeObject, pathOf } from './object-shape.ts';

export interface LogRange {
  /** Absent: all lines. */
  readonly tailLines?: number;
  /** RFC 3339; each line begins with its own time. */
  readonly since?: string;
  readonly timestamps?: boolean;
}

export interface ApiTaskObjects extends TaskObjects {
  /** The last bytes of it; undefined: there is nothing to read, now or any more. */
  log(
    from: LoggingContainer,
    range: LogRange,
    maxBytes: number,
    signal: AbortSignal,
  ): Promise<Result<string | undefined>>;
  close(): void;
}

/** A Task may be 1.5 MB; most are far smaller. */
const pageSize = '50';
const usualLimits: CallLimits = { deadlineMs: 30_000, maxBytes: 96 * 1024 * 1024 };
const podKind = { apiVersion: 'v1', plural: 'pods' };
const longestMessage = 1_024;

export function apiTaskObjects(kubeConfig: KubeConfig, limits: CallLimits = usualLimits): ApiTaskObjects {
  const client = apiClient(kubeConfig, limits);

  const log: ApiTaskObjects['log'] = async ({ namespace, name, container }, range, maxBytes, signal) => {
    const { tailLines, since, timestamps = false } = range;
    const what = `read the log of Pod ${quoted(namespace)}/${quoted(name)}`;
    const query = {
      container,
      timestamps: String(timestamps),
      ...defined('tailLines', tailLines === undefined ? undefined : String(tailLines)),
      ...defined('sinceTime', since),
    };
    const path = pathOf(podKind, namespace, name, 'log');
    const answer = await client.tail(what, { method: 'GET', path, query }, maxBytes, signal);
    if (!answer.ok) return answer;
    const { status, text } = answer.value;
    if (status === 200) return ok(text);
    // 400: the container has not been started.
    if (status === 404 || status === 400) return ok(undefined);
    const said = parseStrictJson(text);
    return refused(what, { status, body: said.ok ? said.value : undefined });
  };

  return {
    list: (kind, where, signal) => listAll(client, kind, where, signal),
    async find({ kind, namespace, name }, signal) {
      const what = `read ${kind.kind} ${quoted(`${namespace ?? ''}/${name}`)}`;
      const answer = await client.send(what, { method: 'GET', path: pathOf(kind, namespace, name) }, signal);
      if (!answer.ok) return answer;
      if (answer.value.status === 404) return ok(undefined);
      const object = answer.value.status === 200 ? kubeObject(answer.value.body, kind) : undefined;
      return object === undefined ? refused(what, answer.value) : ok(object);
    },
    async patch({ kind, namespace, name }, patch, signal) {
      const what = `change ${kind.kind} ${quoted(`${namespace ?? ''}/${name}`)}`;
      const path = pathOf(kind, namespace, name);
      const contentType = 'application/merge-patch+json';
      const answer = await client.send(what, { method: 'PATCH', path, body: patch, contentType }, signal);
      if (!answer.ok) return answer;
      const { status, body } = answer.value;
      if (status === 404 || status === 409) return ok({ kind: 'superseded' });
      const object = status === 200 ? kubeObject(body, kind) : undefined;
      if (object !== undefined) return ok({ kind: 'written', object });
      return status >= 400 && status < 500
        ? ok({ kind: 'refused', status, message: saidBy(answer.value) })
        : refused(what, answer.value);
    },
    log,
    logTail: (from, maxBytes, signal) => log(from, {}, maxBytes, signal),
    close: () => client.close(),
  };
}

/** Page by page; undefined: there is no such kind. */
async function listAll(
  client: ApiClient,
  kind: Kind,
  { namespace, label }: Parameters<ApiTaskObjects['list']>[1],
  signal: AbortSignal,
): ReturnType<ApiTaskObjects['list']> {
  const found: KubeObject[] = [];
  let next = '';
  do {
    const what = `list ${kind.plural}.${groupOf(kind)}`;
    const query = {
      limit: pageSize,
      ...(next === '' ? {} : { continue: next }),
      ...defined('labelSelector', label?.join('=')),
    };
    const answer = await client.send(what, { method: 'GET', path: pathOf(kind, namespace), query }, signal);
    if (!answer.ok) return answer;
    if (answer.value.status === 404) return ok(undefined);
    const body = asRecord(answer.value.body);
    const items: unknown = body?.['items'];
    if (answer.value.status !== 200 || !Array.isArray(items)) return refused(what, answer.value);
    found.push(...items.flatMap((item: unknown) => kubeObject(item, kind) ?? []));
    const token = asRecord(body?.['metadata'])?.['continue'];
    next = typeof token === 'string' ? token : '';
  } while (next !== '');
  return ok(found);
}

function groupOf({ apiVersion }: Kind): string {
  return apiVersion.includes('/') ? (apiVersion.split('/')[0] ?? '') : 'core';
}

function refused(what: string, answer: ApiAnswer): ReturnType<typeof fail<ReturnType<typeof failure>>> {
  return fail(failure('CLUSTER_UNAVAILABLE', `cannot ${what}: ${saidBy(answer)}`));
}

function saidBy({ status, body }: ApiAnswer): string {
  const message = asRecord(body)?.['message'];
  return typeof message === 'string' ? quoted(message, longestMessage) : `the API server answers ${status}`;
}
