import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import { keepFresh } from '../../../src/adapters/sigstore/fresh-public-root.ts';
import { embeddedPublicTrustRoot } from '../../../src/adapters/sigstore/public-trust-root.ts';
import { failure } from '../../../src/kernel/failure.ts';
import { fail, ok } from '../../../src/kernel/result.ts';
import { untilHolds } from '../../until-holds.ts';

const root = embeddedPublicTrustRoot();
const clock = { now: () => new Date('2026-06-01T00:00:00Z') };
const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };

test('a root that was fetched is used, and fetched again after a while', async () => {
  const fetch = vi.fn(async () => ok(root));
  const use = vi.fn();
  const fresh = keepFresh({ fetch, use, clock, log: silent, pauses: { good: 5, failed: 10_000 } });
  await untilHolds(() => expect(use.mock.calls.length).toBeGreaterThan(2));
  fresh.close();
  expect(use).toHaveBeenCalledWith(root);
  expect([fresh.refreshedAt(), fresh.problem()]).toEqual([clock.now(), undefined]);
});

test('without a network nothing is replaced, it is told, and tried again', async () => {
  const fetch = vi.fn(async () => fail(failure('TRUST_ROOT_UNAVAILABLE', 'no route to host')));
  const use = vi.fn();
  const warn = vi.fn();
  const fresh = keepFresh({ fetch, use, clock, log: { ...silent, warn }, pauses: { good: 10_000, failed: 5 } });
  await untilHolds(() => expect(fetch.mock.calls.length).toBeGreaterThan(2));
  fresh.close();
  expect(use).not.toHaveBeenCalled();
  expect([fresh.refreshedAt(), fresh.problem()]).toEqual([
    undefined,
    'no route to host; that of this release stays in use',
  ]);
  expect(warn).toHaveBeenCalledWith({ reason: 'no route to host' }, expect.stringContaining('stays'));
});

test('a root that was fetched once stays, and it says of when it is', async () => {
  const answers = [ok(root), fail(failure('TRUST_ROOT_UNAVAILABLE', 'no route to host'))];
  const fetch = vi.fn(async () => answers.shift() ?? ok(root));
  const fresh = keepFresh({ fetch, use: vi.fn(), clock, log: silent, pauses: { good: 1, failed: 10_000 } });
  await untilHolds(() => {
    expect(fresh.problem()).toBe('no route to host; that of 2026-06-01T00:00:00.000Z stays in use');
  });
  fresh.close();
});

test('what arrives after the end is not used, and nothing is fetched any more', async () => {
  const late = Promise.withResolvers<ReturnType<typeof ok<typeof root>>>();
  const fetch = vi.fn(() => late.promise);
  const use = vi.fn();
  const fresh = keepFresh({ fetch, use, clock, log: silent, pauses: { good: 1, failed: 1 } });
  fresh.close();
  late.resolve(ok(root));
  await sleep(20);
  expect(use).not.toHaveBeenCalled();
  expect(fetch).toHaveBeenCalledOnce();
});

test('the embedded root holds a certificate authority and a log', () => {
  expect(root.notReady).toEqual([]);
  expect(root.trustedRootJson).toContain('fulcio.sigstore.dev');
  expect(root.trustedRootJson).toContain('rekor.sigstore.dev');
});
