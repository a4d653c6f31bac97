import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import { keepFresh } from '../../../src/adapters/sigstore/fresh-public-root.ts';
import { embeddedPublicTrustRoot } from '../../../src/adapters/sigstore/public-trust-root.ts';
import { failure } from '../../../src/kernel/failure.ts';
import { fail, ok } from '../../../src/kernel/result.ts';

const root = embeddedPublicTrustRoot();
const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };

test('a root that was fetched is used, and fetched again after a while', async () => {
  const fetch = vi.fn(async () => ok(root));
  const use = vi.fn();
  const stop = keepFresh({ fetch, use, log: silent, pauses: { good: 5, failed: 10_000 } });
  await vi.waitFor(() => expect(use.mock.calls.length).toBeGreaterThan(2));
  stop();
  expect(use).toHaveBeenCalledWith(root);
});

test('without a network nothing is replaced, it is told, and tried again', async () => {
  const fetch = vi.fn(async () => fail(failure('TRUST_ROOT_UNAVAILABLE', 'no route to host')));
  const use = vi.fn();
  const warn = vi.fn();
  const stop = keepFresh({ fetch, use, log: { ...silent, warn }, pauses: { good: 10_000, failed: 5 } });
  await vi.waitFor(() => expect(fetch.mock.calls.length).toBeGreaterThan(2));
  stop();
  expect(use).not.toHaveBeenCalled();
  expect(warn).toHaveBeenCalledWith({ reason: 'no route to host' }, expect.stringContaining('stays'));
});

test('what arrives after the end is not used, and nothing is fetched any more', async () => {
  const late = Promise.withResolvers<ReturnType<typeof ok<typeof root>>>();
  const fetch = vi.fn(() => late.promise);
  const use = vi.fn();
  const stop = keepFresh({ fetch, use, log: silent, pauses: { good: 1, failed: 1 } });
  stop();
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
