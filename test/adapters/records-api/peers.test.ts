import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { issueServing, makeAuthority, type KeyPair } from '../../../src/adapters/certificates/authority.ts';
import { recordsClient, type RecordsClient } from '../../../src/adapters/records-api/records-client.ts';
import { sqliteRecords } from '../../../src/adapters/sqlite/sqlite-records.ts';
import { recordsRoutes } from '../../../src/http/records/records-routes.ts';
import { ok } from '../../../src/kernel/result.ts';
import type { Records } from '../../../src/ports/records.ts';
import { copyFrom, copyFromPeers, type Peer } from '../../../src/records/copy-from-peers.ts';
import type { RecordStore } from '../../../src/records/store.ts';
import { value } from '../../contracts/records.ts';
import { manyRecords, podA, podB } from '../../records/chains.ts';

const serverName = 'countersign-console.countersign-system.svc';
let authority: KeyPair;
let foreign: KeyPair;
let serving: KeyPair;
let server: Server;
let theirs: RecordStore;
let ours: RecordStore;
let baseUrl: string;
let clients: RecordsClient[];
let messages: string[];
let token: string;

beforeAll(async () => {
  authority = await makeAuthority(new Date());
  foreign = await makeAuthority(new Date());
  serving = await issueServing(authority, [serverName], new Date());
});

async function serve(records: Pick<Records, 'list' | 'find' | 'positions' | 'chain'>): Promise<void> {
  const app = express().set('query parser', false);
  app.use((request, response, next) => {
    if (request.headers.authorization === `Bearer ${token}`) next();
    else response.status(401).json({ error: 'Who is asking?' });
  });
  app.use('/v1/records', recordsRoutes({ records, log }));
  server = createServer({ key: serving.key, cert: serving.cert }, app).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  // Listening on TCP, so the address is not a path.
  baseUrl = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const note = (_fields: unknown, message: string): void => void messages.push(message);
const log = { info: note, warn: note, error: note };

function peer(change: { readonly ca?: string; readonly serverName?: string; readonly token?: string } = {}): Peer {
  const client = recordsClient({
    baseUrl,
    token: async () => change.token ?? token,
    ca: () => change.ca ?? authority.cert,
    serverName: change.serverName ?? serverName,
  });
  clients.push(client);
  return {
    name: 'other',
    positions: () => client.positions(),
    chain: (writer, from, limit) => client.chain(writer, from, limit),
  };
}

beforeEach(() => {
  [clients, messages, token] = [[], [], 'first'];
  theirs = sqliteRecords(':memory:');
  ours = sqliteRecords(':memory:');
});

afterEach(async () => {
  await Promise.all(clients.map((client) => client.close()));
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await Promise.all([theirs.close(), ours.close()]);
});

describe('copying from another replica', () => {
  beforeEach(() => serve(theirs));

  test('takes over what is missing, byte for byte, and what comes later', async () => {
    const [a, b] = [manyRecords(podA, 1_200), manyRecords(podB, 30)];
    await theirs.add([...a, ...b.slice(0, 20)]);
    await ours.add(b.slice(0, 5));
    const stop = copyFromPeers({ records: ours, log, peers: async () => [peer()] }, 20);
    await expect.poll(async () => value(await ours.positions()).map(({ count }) => count)).toEqual([1_200, 20]);
    await theirs.add(b.slice(20));
    await expect.poll(async () => value(await ours.positions())[1]?.count).toBe(30);
    await stop();
    expect(value(await ours.chain(podB, 1, 100))).toEqual(b);
    expect(messages).toEqual([]);
  });

  test('fills holes', async () => {
    const records = manyRecords(podA, 20);
    await theirs.add(records);
    await ours.add(records.filter(({ sequence }) => sequence < 5 || sequence > 10));
    expect(await copyFrom({ records: ours, log }, peer())).toBeUndefined();
    expect(value(await ours.positions())).toMatchObject([{ first: 1, last: 20, count: 20 }]);
  });

  test('takes nothing that retention has removed here', async () => {
    const records = manyRecords(podA, 20);
    await theirs.add(records);
    await ours.add(records);
    while (value(await ours.removeOld(new Date(), { records: 4 })) > 0);
    expect(await copyFrom({ records: ours, log }, peer())).toBeUndefined();
    expect(value(await ours.positions())).toMatchObject([{ first: 17, last: 20, count: 4 }]);
  });

  test('goes on with a token that has changed', async () => {
    await theirs.add(manyRecords(podA, 3));
    const one = peer();
    expect(await copyFrom({ records: ours, log }, one)).toBeUndefined();
    token = 'second';
    expect(await copyFrom({ records: ours, log }, one)).toBeUndefined();
  });
});

describe('whoever is none of us', () => {
  beforeEach(async () => {
    await serve(theirs);
    await theirs.add(manyRecords(podA, 3));
  });

  test.each([
    { name: 'has a certificate of another CA', change: () => ({ ca: foreign.cert }), says: 'cannot be asked' },
    {
      name: 'has a certificate for another name',
      change: () => ({ serverName: 'other.svc' }),
      says: 'cannot be asked',
    },
    { name: 'does not know us', change: () => ({ token: 'bad' }), says: 'answers 401: Who is asking?' },
  ])('and $name gives us nothing', async ({ change, says }) => {
    expect(await copyFrom({ records: ours, log }, peer(change()))).toContain(says);
    expect(value(await ours.positions())).toEqual([]);
  });

  test('does not get our token', async () => {
    const seen: unknown[] = [];
    server.on('request', (request) => seen.push(request.headers.authorization));
    await copyFrom({ records: ours, log }, peer({ ca: foreign.cert }));
    expect(seen).toEqual([]);
  });
});

describe('a replica that gives something else', () => {
  const good = manyRecords(podA, 6);
  const forged = manyRecords(podA, 6, { verdict: 'admit' });
  const positions: Records['positions'] = async () => ok([{ writer: podA, first: 1, last: 6, count: 6 }]);

  test.each<{ name: string; chain: Records['chain']; says: string }>([
    {
      name: 'another chain from the middle on',
      chain: async (_writer, from) => ok(forged.slice(from - 1)),
      says: 'it does not continue the record before it',
    },
    {
      name: 'lines that were changed',
      chain: async () =>
        ok(good.slice(3).map((record) => ({ ...record, line: record.line.replace('refuse', 'admit') }))),
      says: 'its content does not fit its hash',
    },
    {
      name: 'a chain that nobody asked for',
      chain: async () => ok(manyRecords(podB, 6)),
      says: 'other records than those it was asked for',
    },
    {
      name: 'the same over and over',
      chain: async () => ok(good.slice(0, 2)),
      says: 'other records than those it was asked for',
    },
  ])('is told of: $name', async ({ chain, says }) => {
    await serve({ ...theirs, positions, chain });
    await ours.add(good.slice(0, 3));
    expect(await copyFrom({ records: ours, log }, peer())).toContain(says);
    expect(value(await ours.chain(podA, 1, 10))).toEqual(good.slice(0, 3));
  });

  test('is asked no more than so often in a round', async () => {
    let calls = 0;
    const endless: Peer = {
      name: 'endless',
      positions: async () => ok([{ writer: podA, first: 1, last: 1e9, count: 1e9 }]),
      chain: async (_writer, from) => {
        calls += 1;
        return ok(manyRecords(podA, 1).map((record) => ({ ...record, sequence: from })));
      },
    };
    await serve(theirs);
    await copyFrom({ records: { ...ours, add: async () => ok({ added: 0 }) }, log }, endless);
    expect(calls).toBeLessThanOrEqual(40);
  });
});
