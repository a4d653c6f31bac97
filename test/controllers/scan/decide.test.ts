import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { added, noSummary, reportWriter, saysTheSame, type Finding } from '../../../src/controllers/scan/decide.ts';
import type { PodReference, Report, ResultKind } from '../../../src/ports/policy-reports.ts';

const monday = new Date('2026-03-02T10:00:00Z');
const tuesday = new Date('2026-03-03T10:00:00Z');
const limits = { results: 1_000, bytes: 512 * 1024 };

function podNamed(name: string): PodReference {
  return { apiVersion: 'v1', kind: 'Pod', namespace: 'shop', name, uid: `uid of ${name}` };
}

const image = 'ghcr.io/acme/web:1@sha256:aa';
const fails: Finding = { policy: 'signed', code: 'SIGNATURE_MISSING', result: 'fail', message: 'no signatures', image };
const passes: Finding = { policy: 'signed', result: 'pass', message: 'passes', image };
const away: Finding = { policy: 'signed', code: 'REGISTRY_UNREACHABLE', result: 'error', message: 'no answer', image };

function reportOf(
  found: readonly (readonly [string, readonly Finding[]])[],
  now = monday,
  earlier?: Report,
  within = limits,
): Report {
  const writer = reportWriter(now, earlier, within);
  for (const [name, findings] of found) writer.add(podNamed(name), findings);
  const report = writer.report();
  if (report === undefined) throw new Error('nothing to report');
  return report;
}

function told(report: Report): readonly string[] {
  return report.results.map(({ result, resources, rule = '-' }) => `${result} ${resources[0]?.name} ${rule}`);
}

test('there is no report where there is nothing to report', () => {
  const writer = reportWriter(monday, undefined);
  writer.add(podNamed('web'), []);
  expect(writer.report()).toBeUndefined();
});

test('one result for each finding about each Pod, with what it is about', () => {
  const report = reportOf([['web', [{ ...fails, digest: 'sha256:aa', field: 'spec.containers[0].image' }]]]);
  expect(report).toEqual({
    summary: { ...noSummary, fail: 1 },
    leftOut: 0,
    results: [
      {
        source: 'countersign',
        policy: 'signed',
        rule: 'SIGNATURE_MISSING',
        result: 'fail',
        message: 'no signatures',
        timestamp: { seconds: monday.getTime() / 1_000, nanos: 0 },
        resources: [podNamed('web')],
        properties: { image, digest: 'sha256:aa', field: 'spec.containers[0].image' },
      },
    ],
  });
});

test('what somebody has to look at comes first, then by name', () => {
  const warns: Finding = { ...fails, result: 'warn' };
  const report = reportOf([
    ['b', [passes, away]],
    ['a', [passes, warns]],
    ['c', [fails]],
  ]);
  expect(told(report)).toEqual([
    'fail c SIGNATURE_MISSING',
    'error b REGISTRY_UNREACHABLE',
    'warn a SIGNATURE_MISSING',
    'pass a -',
    'pass b -',
  ]);
});

test('a policy that only watches is a warning that says so', () => {
  const report = reportOf([['web', [{ ...fails, result: 'warn', onlyWatched: true }]]]);
  expect(report.results[0]?.properties).toEqual({ image, mode: 'audit' });
});

describe('a second scan', () => {
  const earlier = reportOf([['web', [fails]]]);

  test('of the same keeps the time since when it is so, and changes nothing', () => {
    const report = reportOf([['web', [fails]]], tuesday, earlier);
    expect(saysTheSame(earlier, report)).toBe(true);
  });

  test.each<[string, Finding]>([
    ['another verdict', passes],
    ['another reason', { ...fails, code: 'IDENTITY_MISMATCH' }],
    ['another image', { ...fails, image: 'ghcr.io/acme/web:2@sha256:bb' }],
    ['another policy', { ...fails, policy: 'other' }],
  ])('of %s has the time of now', (_what, finding) => {
    const report = reportOf([['web', [finding]]], tuesday, earlier);
    expect(saysTheSame(earlier, report)).toBe(false);
    expect(report.results.map(({ timestamp }) => timestamp.seconds)).toEqual([tuesday.getTime() / 1_000]);
  });

  test('of a Pod that was made anew is another one', () => {
    const writer = reportWriter(tuesday, earlier);
    writer.add({ ...podNamed('web'), uid: 'another' }, [fails]);
    expect(writer.report()?.results[0]?.timestamp.seconds).toBe(tuesday.getTime() / 1_000);
  });

  test('without Pods that are gone says nothing of them', () => {
    expect(told(reportOf([['other', [passes]]], tuesday, earlier))).toEqual(['pass other -']);
  });
});

describe('a registry that is away', () => {
  const earlier = reportOf([['web', [fails, { ...passes, policy: 'other' }]]]);

  test('is an error where nothing was known', () => {
    const report = reportOf([['web', [away]]]);
    expect(report.summary).toEqual({ ...noSummary, error: 1 });
  });

  test('leaves what was known, and says that it was not confirmed', () => {
    const report = reportOf([['web', [away, { ...passes, policy: 'other' }]]], tuesday, earlier);
    expect(told(report)).toEqual(['fail web SIGNATURE_MISSING', 'pass web -']);
    expect(report.results[0]?.properties['unconfirmed']).toBe('REGISTRY_UNREACHABLE');
    expect(report.results[1]?.properties['unconfirmed']).toBeUndefined();
    expect(report.results[0]?.timestamp).toEqual(earlier.results[0]?.timestamp);
  });

  test('leaves the verdict about a digest when the tag cannot be resolved any more', () => {
    const report = reportOf([['web', [{ ...away, image: 'ghcr.io/acme/web:1' }]]], tuesday, earlier);
    expect(told(report)).toEqual(['fail web SIGNATURE_MISSING']);
  });

  test('leaves all that was known of a Pod that could not be judged at all', () => {
    const late: Finding = { policy: 'countersign', code: 'DEADLINE_EXCEEDED', result: 'error', message: 'late' };
    expect(told(reportOf([['web', [late]]], tuesday, earlier))).toEqual(['fail web SIGNATURE_MISSING', 'pass web -']);
  });

  test('keeps nothing of another image or policy', () => {
    const other = reportOf([['web', [{ ...away, image: 'ghcr.io/acme/web:2' }]]], tuesday, earlier);
    expect(told(other)).toEqual(['error web REGISTRY_UNREACHABLE']);
    const unknown = reportOf([['web', [{ ...away, policy: 'third' }]]], tuesday, earlier);
    expect(told(unknown)).toEqual(['error web REGISTRY_UNREACHABLE']);
  });

  test('for twice as long changes nothing more, and back again nothing but the doubt', () => {
    const once = reportOf([['web', [away]]], tuesday, earlier);
    const twice = reportOf([['web', [away]]], new Date('2026-03-04'), once);
    expect(saysTheSame(once, twice)).toBe(true);
    const back = reportOf([['web', [fails]]], new Date('2026-03-05'), twice);
    expect(back.results).toEqual([earlier.results[0]]);
  });
});

describe('what there is no room for', () => {
  const many = Array.from({ length: 30 }, (_, index): readonly [string, readonly Finding[]] => [
    `pod-${String(index).padStart(3, '0')}`,
    [index === 20 ? fails : passes],
  ]);

  test('is counted, and what fails stays', () => {
    const report = reportOf(many, monday, undefined, { results: 3, bytes: 100_000 });
    expect(report.summary).toEqual({ ...noSummary, pass: 29, fail: 1 });
    expect(report.leftOut).toBe(27);
    expect(told(report)).toEqual(['fail pod-020 SIGNATURE_MISSING', 'pass pod-000 -', 'pass pod-001 -']);
  });

  test('is also what takes too many bytes', () => {
    const report = reportOf(many, monday, undefined, { results: 1_000, bytes: 2_000 });
    expect(JSON.stringify(report.results).length).toBeLessThan(2_100);
    expect(report.results.length + report.leftOut).toBe(30);
    expect(report.results.length).toBeGreaterThan(2);
  });

  test('includes the end of long messages', () => {
    const report = reportOf([['web', [{ ...fails, message: 'x'.repeat(5_000) }]]]);
    expect(report.results[0]?.message).toHaveLength(1_024);
  });
});

test('the order in which Pods come makes no difference, whatever fits', () => {
  const kinds: readonly ResultKind[] = ['pass', 'fail', 'warn', 'error'];
  const finding = fc.record({
    policy: fc.constantFrom('a', 'b'),
    result: fc.constantFrom(...kinds),
    message: fc.constantFrom('one', 'two'),
    image: fc.constantFrom(image, 'other'),
  });
  const found = fc.uniqueArray(fc.tuple(fc.stringMatching(/^[a-z]{1,3}$/), fc.array(finding, { maxLength: 3 })), {
    selector: ([name]) => name,
    maxLength: 40,
  });
  fc.assert(
    fc.property(found, fc.integer({ min: 1, max: 8 }), (pods, results) => {
      const write = (list: typeof pods): Report | undefined => {
        const writer = reportWriter(monday, undefined, { results, bytes: 10_000 });
        for (const [name, findings] of list) writer.add(podNamed(name), findings);
        return writer.report();
      };
      const report = write(pods);
      expect(write(pods.toReversed())).toEqual(report);
      if (report === undefined) return;
      expect(report.results.length).toBeLessThanOrEqual(results);
      const total = Object.values(report.summary).reduce((sum, count) => sum + count, 0);
      expect(report.results.length + report.leftOut).toBe(total);
    }),
  );
});

test('summaries add up', () => {
  expect(added({ ...noSummary, fail: 1, pass: 2 }, { ...noSummary, fail: 3, warn: 1 })).toEqual({
    ...noSummary,
    fail: 4,
    pass: 2,
    warn: 1,
  });
});
