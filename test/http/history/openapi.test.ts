/** The OpenAPI document says what the code does: each route answers as it says, with members that it names. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { sqliteRecords } from '../../../src/adapters/sqlite/sqlite-records.ts';
import { historyRoutes } from '../../../src/http/history/history-routes.ts';
import { openApi } from '../../../src/http/history/openapi.ts';
import { asRecord } from '../../../src/kernel/strict-json.ts';
import { printAction, printAssessment } from '../../../src/records/history/action-json.ts';
import type { RecordStore } from '../../../src/records/store.ts';
import { assessment, began, completed, failed } from '../../records/history/actions.ts';

const full = printAction(
  failed({ ...completed(), status: 'failed', reason: 'OOM', failureReason: 'x', failureMessage: 'y', exitCode: 1 }),
);
const stepOnly = Object.fromEntries(
  Object.entries(full).filter(([name]) => name in openApi.components.schemas.Step.properties),
);
const common = Object.fromEntries(Object.entries(full).filter(([name]) => !(name in stepOnly)));
const bodies: Readonly<Record<string, object>> = {
  '/api/v1/audit/execution': full,
  '/api/v1/audit/workflow': { ...common, actions: [stepOnly] },
  '/api/v1/audit/effectiveness': printAssessment(assessment({ comment: 'good' })),
};

let server: Server;
let store: RecordStore;
let base: string;

beforeEach(async () => {
  store = sqliteRecords(':memory:');
  const app = express().set('query parser', false);
  app.use('/api/v1/audit', historyRoutes({ history: store.history, clock: { now: () => new Date(began) } }));
  server = createServer(app).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  // Listening on TCP, so the address is not a path.
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await store.close();
});

async function post(path: string, body: object): Promise<Response> {
  return fetch(`${base}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
}

/** As much of JSON Schema as the document uses. */
function complaints(schema: unknown, value: unknown, where: string): readonly string[] {
  const rules = resolve(schema);
  const type = rules['type'];
  if (!hasType(type, value)) return [`${where} is no ${String(type)}`];
  if (Array.isArray(rules['enum']) && !rules['enum'].includes(value)) return [`${where} is none of the words`];
  if (Array.isArray(value))
    return value.flatMap((item: unknown, index) => complaints(rules['items'] ?? {}, item, `${where}[${index}]`));
  const members = asRecord(value);
  const properties = asRecord(rules['properties']);
  if (members === undefined || properties === undefined) return [];
  const required = Array.isArray(rules['required']) ? rules['required'].map(String) : [];
  return [
    ...required.filter((name) => !(name in members)).map((name) => `${where}.${name} is missing`),
    ...Object.entries(members).flatMap(([name, item]) =>
      name in properties
        ? complaints(properties[name], item, `${where}.${name}`)
        : [`${where}.${name} is not in the document`],
    ),
  ];
}

function resolve(schema: unknown): Readonly<Record<string, unknown>> {
  const rules = asRecord(schema) ?? {};
  const name = typeof rules['$ref'] === 'string' ? rules['$ref'].split('/').at(-1) : undefined;
  if (name === undefined) return rules;
  const found = asRecord(asRecord(openApi.components.schemas)?.[name]);
  if (found === undefined) throw new Error(`no schema ${name}`);
  return found;
}

function hasType(type: unknown, value: unknown): boolean {
  if (type === 'integer') return Number.isInteger(value);
  if (type === 'array') return Array.isArray(value);
  if (type === 'object') return asRecord(value) !== undefined;
  return type === undefined || typeof value === type;
}

function responseSchema(operation: unknown, status: number): unknown {
  const response = asRecord(asRecord(asRecord(operation)?.['responses'])?.[String(status)]);
  const content = asRecord(asRecord(response?.['content'])?.['application/json']);
  return content?.['schema'];
}

const operations = Object.entries(openApi.paths).flatMap(([path, item]) =>
  Object.entries(item).map(([method, operation]) => ({ path, method, operation: asRecord(operation) ?? {} })),
);

test('names every route, and no other', () => {
  expect(operations.map(({ path, method }) => `${method} ${path}`).toSorted()).toEqual([
    'get /api/v1/audit/actions',
    'get /api/v1/audit/actions/oldest',
    'get /api/v1/audit/actions/{workflow_uid}/{step}',
    'get /api/v1/audit/effectiveness',
    'post /api/v1/audit/effectiveness',
    'post /api/v1/audit/execution',
    'post /api/v1/audit/workflow',
  ]);
});

describe.each(operations)('$method $path', ({ path, method, operation }) => {
  const at = path.replace('{workflow_uid}', 'uid-1').replace('{step}', 'scale');

  test('answers as the document says', async () => {
    for (const [to, body] of Object.entries(bodies)) expect((await post(to, body)).status).toBe(201);
    const response = method === 'get' ? await fetch(`${base}${at}`) : await post(at, bodies[at] ?? {});
    expect(response.status).toBe(method === 'get' ? 200 : 201);
    const schema = responseSchema(operation, response.status);
    expect(schema).toBeDefined();
    expect(complaints(schema, await response.json(), 'answer')).toEqual([]);
  });

  test('refuses as the document says', async () => {
    const response = method === 'get' ? await fetch(`${base}${at}?colour=red`) : await post(at, { colour: 'red' });
    expect(response.status).toBe(400);
    expect(complaints(responseSchema(operation, 400), await response.json(), 'answer')).toEqual([]);
  });
});

const questions = operations.filter(({ method }) => method === 'get');
test.each(questions)('$method $path takes the parameters of the document', async ({ path, operation }) => {
  const at = path.replace('{workflow_uid}', 'uid-1').replace('{step}', 'scale');
  for (const [to, body] of Object.entries(bodies)) await post(to, body);
  const values: Readonly<Record<string, string>> = {
    time_range: '90d',
    since: '2031-03-01T10:00:00.000Z',
    status: 'failed',
    engine: 'job',
    limit: '5',
  };
  const given = Array.isArray(operation['parameters']) ? operation['parameters'].map(asRecord) : [];
  for (const { in: place, name } of given.filter((one) => one !== undefined)) {
    if (place !== 'query' || name === 'after') continue;
    const response = await fetch(`${base}${at}?${String(name)}=${values[String(name)] ?? 'x'}`);
    expect([name, response.status]).toEqual([name, 200]);
  }
});

describe.each(Object.keys(bodies))('the body of %s', (path) => {
  const whole = bodies[path] ?? {};
  const schema = resolve(
    asRecord(
      asRecord(
        asRecord(
          asRecord(
            asRecord(operations.find((one) => one.path === path && one.method === 'post')?.operation)?.['requestBody'],
          )?.['content'],
        )?.['application/json'],
      ),
    )?.['schema'],
  );

  test('has every field of the document', () => {
    expect(Object.keys(whole).toSorted()).toEqual(Object.keys(asRecord(schema['properties']) ?? {}).toSorted());
    expect(complaints(schema, whole, 'body')).toEqual([]);
  });

  test('may lack what the document does not require, and nothing else', async () => {
    const required = Array.isArray(schema['required']) ? schema['required'].map(String) : [];
    for (const name of Object.keys(whole)) {
      const less = Object.fromEntries(Object.entries(whole).filter(([other]) => other !== name));
      const { status } = await post(path, less);
      expect([name, status]).toEqual([name, required.includes(name) ? 400 : 201]);
    }
  });
});
