import { afterEach, beforeEach, expect, test } from 'vitest';
import { ApiException, CustomObjectsApi } from '@kubernetes/client-node';
import { watchObjects, type WatchedObjects } from '../../../src/adapters/kubernetes/watch-objects.ts';
import { listCollection, type Collection } from '../../../src/adapters/kubernetes/follow-collection.ts';
import { fakeApiServer, type FakeApiServer } from './fake-api-server.ts';
import { untilHolds } from '../../until-holds.ts';

const things = '/apis/example.dev/v1/things';
let server: FakeApiServer;
let watched: WatchedObjects | undefined;
let changes = 0;

beforeEach(async () => {
  server = await fakeApiServer();
  server.put(things, 'first');
});
afterEach(async () => {
  watched?.close();
  await server.close();
});

function start(maxBytes = 10_000, pages?: Collection['pages']): WatchedObjects {
  changes = 0;
  const api = server.kubeConfig.makeApiClient(CustomObjectsApi);
  watched = watchObjects(
    {
      kubeConfig: server.kubeConfig,
      pauses: { first: 10, longest: 40 },
      limits: { deadlineMs: 300, maxBytes },
    },
    {
      title: 'things',
      path: things,
      ...(pages !== undefined && { pages }),
      list: (options, page) =>
        api.listClusterCustomObject({ group: 'example.dev', version: 'v1', plural: 'things', ...page }, options),
    },
    () => {
      changes += 1;
    },
  );
  return watched;
}

const names = (): readonly string[] | undefined =>
  watched
    ?.objects()
    ?.map((object) => object.name)
    .sort();
const lists = (): number => server.requests.filter((line) => line.startsWith('GET')).length;

async function watching(): Promise<void> {
  await untilHolds(() => {
    expect(server.watches()).toBe(1);
  });
}

async function eventually(expected: readonly string[]): Promise<void> {
  await untilHolds(() => {
    expect(names()).toEqual(expected);
  });
}

test('has nothing before the first list, and everything after it', async () => {
  expect(start().objects()).toBeUndefined();
  await eventually(['first']);
  expect(changes).toBe(1);
});

test('an empty collection is a complete list', async () => {
  server.remove(things, 'first');
  start();
  await eventually([]);
  expect(changes).toBe(1);
});

test('follows additions, changes and deletions', async () => {
  start();
  await watching();
  server.put(things, 'second');
  await eventually(['first', 'second']);
  server.put(things, 'second', { spec: 'new' });
  await untilHolds(() => {
    expect(watched?.objects()?.map((object) => object.document)).toContainEqual(
      expect.objectContaining({ spec: 'new' }),
    );
  });
  server.remove(things, 'first');
  await eventually(['second']);
  expect(lists()).toBe(1);
});

test('goes on where it was after the server ended a watch', async () => {
  start();
  await watching();
  server.finishWatches();
  server.remove(things, 'first');
  server.put(things, 'third');
  await eventually(['third']);
  expect(lists()).toBe(1);
});

test('lists again after a broken connection', async () => {
  start();
  await watching();
  server.disconnect();
  server.remove(things, 'first');
  server.put(things, 'third');
  await eventually(['third']);
  await watching();
  expect(watched?.problem()).toBeUndefined();
});

test.each(['event', 'answer'] as const)('lists again after 410 Gone as %s', async (how) => {
  start();
  await watching();
  server.remove(things, 'first');
  await eventually([]);
  server.compact(how);
  server.finishWatches();
  server.put(things, 'after');
  await eventually(['after']);
  await watching();
  expect(watched?.problem()).toBeUndefined();
  expect(lists()).toBeGreaterThan(1);
});

test.each([404, 403, 401, 429, 500, 'silence', 'garbage', 'no list'] as const)(
  'keeps trying while listing ends in %s, says why, and recovers',
  async (status) => {
    server.breakdown = { match: /GET/, status };
    start();
    await untilHolds(() => {
      expect(watched?.problem()?.message).toMatch(/^cannot list things: /);
    });
    expect(watched?.objects()).toBeUndefined();
    server.breakdown = undefined;
    await eventually(['first']);
    expect(watched?.problem()).toBeUndefined();
  },
);

test('keeps what it saw while the server is away', async () => {
  start();
  await watching();
  server.breakdown = { match: /./, status: 500 };
  server.disconnect();
  await untilHolds(() => {
    expect(watched?.problem()?.status).toBe(500);
  });
  expect(names()).toEqual(['first']);
});

test('refuses an answer beyond the byte limit', async () => {
  server.put(things, 'giant', { text: 'x'.repeat(20_000) });
  start();
  await untilHolds(() => {
    expect(watched?.problem()?.message).toBe('cannot list things: the answer is longer than 10000 bytes');
  });
});

test('asks for smaller pages where a large one is too long, and for no more of them than it needs', async () => {
  for (let index = 0; index < 9; index += 1) server.put(things, `thing-${index}`, { text: 'x'.repeat(1_500) });
  start(4_000, [{ size: 5, maxBytes: 6_000 }, { size: 1 }]);
  await untilHolds(() => expect(names()).toHaveLength(10));
  expect(lists()).toBe(11);
  expect(watched?.problem()).toBeUndefined();
});

test('does not ask for smaller pages where it is told no', async () => {
  const asked: number[] = [];
  const list: Collection['list'] = (_, { limit }) => {
    asked.push(limit);
    throw new ApiException(403, 'no', {}, {});
  };
  const collection: Collection = { title: 'things', path: things, pages: [{ size: 5 }, { size: 1 }], list };
  const answer = await listCollection(collection, { deadlineMs: 300, maxBytes: 1 }, new AbortController().signal);
  expect(answer).toMatchObject({ ok: false, failure: { status: 403 } });
  expect(asked).toEqual([5]);
});

test('credentials that cannot be had are a problem, not the end of the process', async () => {
  start();
  await watching();
  server.kubeConfig.applySecurityAuthentication = () => Promise.reject(new Error('no token'));
  server.disconnect();
  await untilHolds(() => {
    expect(watched?.problem()?.message).toContain('no token');
  });
});

test('a server that ends every watch at once is not stormed', async () => {
  start();
  await watching();
  const before = server.requests.length;
  const hangUp = setInterval(() => {
    server.disconnect();
  }, 1);
  await new Promise((done) => setTimeout(done, 300));
  clearInterval(hangUp);
  expect(server.requests.length - before).toBeLessThan(20);
});

test('asks nothing any more once closed', async () => {
  start();
  await watching();
  watched?.close();
  await untilHolds(() => {
    expect(server.watches()).toBe(0);
  });
  const before = server.requests.length;
  await new Promise((done) => setTimeout(done, 100));
  expect(server.requests.length).toBe(before);
});

test('reads thousands of objects page by page', async () => {
  for (let index = 0; index < 1_200; index += 1) server.put(things, `thing-${index}`);
  start(100_000);
  await untilHolds(() => {
    expect(new Set(names())).toHaveProperty('size', 1_201);
  });
  expect(lists()).toBe(3);
  expect(changes).toBe(1);
});

test('a page that does not come: nothing is made of those before it', async () => {
  for (let index = 0; index < 700; index += 1) server.put(things, `thing-${index}`);
  server.put(things, 'giant', { text: 'x'.repeat(100_000) });
  start(100_000);
  await untilHolds(() => {
    expect(watched?.problem()?.message).toContain('longer than 100000 bytes');
  });
  expect(lists()).toBeGreaterThan(1);
  expect(watched?.objects()).toBeUndefined();
});
