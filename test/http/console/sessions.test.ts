import { expect, test } from 'vitest';
import { Sessions } from '../../../src/http/console/sessions.ts';

const caller = { user: 'jane', groups: [], extra: {} };
const clock = { now: () => new Date(0) };
const sent = (cookie: string): string => cookie.split(';')[0] ?? '';

test('more sessions than are kept end those that were not used for longest', () => {
  const sessions = new Sessions(clock, 3);
  const [first = '', second = '', third = ''] = [1, 2, 3].map(() => sent(sessions.begin(caller)));
  expect(sessions.find(first)).toEqual(caller);
  const fourth = sent(sessions.begin(caller));
  expect([first, second, third, fourth].map((cookie) => sessions.find(cookie) !== undefined)).toEqual([
    true,
    false,
    true,
    true,
  ]);
});

test.each([
  undefined,
  '',
  ';;;',
  '__Host-countersign',
  '__Host-countersign=',
  '__Host-countersign=__proto__',
  `other=${'A'.repeat(43)}`,
  `__Host-countersign=${'A'.repeat(100_000)}`,
])('a cookie that never was ours is no session: %j', (cookie) => {
  expect(new Sessions(clock, 3).find(cookie)).toBeUndefined();
});

test('no two sessions have one name', () => {
  const sessions = new Sessions(clock, 100);
  expect(new Set(Array.from({ length: 100 }, () => sent(sessions.begin(caller)))).size).toBe(100);
});
