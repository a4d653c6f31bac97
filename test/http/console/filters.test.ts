import { expect, test } from 'vitest';
import { decisionsAddress, readAddress, recordQuery } from '../../../src/http/console/filters.ts';
import { newerPlace, olderPlace } from '../../../src/http/console/search.ts';

const now = new Date('2026-01-31T12:00:00.000Z');

function queryOf(search: string): unknown {
  const { filters, place, problems } = readAddress(search);
  expect(problems).toEqual([]);
  return recordQuery(filters, place, now, 50);
}

const notLetIn = ['refuse', 'unavailable', 'error'];

test.each([
  ['', { verdicts: notLetIn }],
  ['?verdict=all', {}],
  ['?verdict=warn', { verdicts: ['warn'] }],
  ['?within=1h', { verdicts: notLetIn, since: '2026-01-31T11:00:00.000Z' }],
  ['?since=2026-01-30T10:00', { verdicts: notLetIn, since: '2026-01-30T10:00:00.000Z' }],
  ['?since=2026-01-31T11:30:15Z&within=1h', { verdicts: notLetIn, since: '2026-01-31T11:30:15.000Z' }],
  ['?until=2026-01-31T00:00', { verdicts: notLetIn, until: '2026-01-31T00:00:00.000Z' }],
  ['?namespace=shop&kind=Pod&name=web', { verdicts: notLetIn, namespace: 'shop', kind: 'Pod', name: 'web' }],
  [
    '?policy=p&code=TLOG_MISSING&image=i&text=t',
    { verdicts: notLetIn, policy: 'p', code: 'TLOG_MISSING', image: 'i', text: 't' },
  ],
  ['?namespace=+&text=', { verdicts: notLetIn }],
  ['?after=abc_-', { verdicts: notLetIn, after: 'abc_-' }],
])('%s asks for what it says', (search, expected) => {
  expect(queryOf(search)).toEqual({ limit: 50, ...expected });
});

test.each([
  ['?colour=red', 'There is no filter "colour"'],
  ['?verdict=maybe', 'There is no verdict "maybe".'],
  ['?within=2h', 'There is no time span "2h".'],
  ['?code=NO_SUCH', 'There is no code "NO_SUCH".'],
  ['?code=__proto__', 'There is no code "__proto__".'],
  ['?since=yesterday', '"yesterday" is no time'],
  ['?until=2026-02-31T99:00', 'is no time'],
  [`?text=${'a'.repeat(257)}`, 'longer than 256'],
  ['?namespace=a&namespace=b', 'The filter "namespace" is there twice.'],
  ['?after=../../etc', 'is not whole'],
  ['?%00%1b=1', '\\u{0}\\u{1b}'],
])('%s is not asked, and said to be wrong', (search, problem) => {
  expect(readAddress(search).problems.join()).toContain(problem);
});

test('going to older pages and back ends where it began', () => {
  let place = readAddress('').place;
  for (const mark of ['m1', 'm2', 'm3']) place = olderPlace(place, mark);
  const address = decisionsAddress({ namespace: 'a&b' }, place);
  expect(address).toBe('/console?namespace=a%26b&after=m3&trail=0.m1.m2');
  const read = readAddress(address.slice('/console'.length));
  expect(read).toMatchObject({ filters: { namespace: 'a&b' }, place: { after: 'm3' }, problems: [] });
  const visited: (string | undefined)[] = [];
  for (let back = newerPlace(read.place); back !== undefined; back = newerPlace(back)) visited.push(back.after);
  expect(visited).toEqual(['m2', 'm1', undefined]);
});

test('the way back does not grow without end', () => {
  let { place } = readAddress('');
  for (let page = 0; page < 500; page += 1) place = olderPlace(place, `mark-${page}-${'x'.repeat(60)}`);
  expect(decisionsAddress({}, place).length).toBeLessThan(4096);
});
