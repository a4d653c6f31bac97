import { expect, test } from 'vitest';
import { adviceFor } from '../../../src/http/console/advice.ts';
import { failureCodes } from '../../../src/kernel/failure.ts';

test.each(failureCodes)('%s has advice: what it means and at least one thing to do', (code) => {
  const advice = adviceFor(code, {});
  expect(advice?.meaning).toMatch(/^[A-Z].*\.$/s);
  expect(advice?.steps.length).toBeGreaterThan(0);
  for (const { say } of advice?.steps ?? []) expect(say).toMatch(/^[A-Z].*[.:]$/s);
});

test('commands name the image, policy and namespace of the refusal', () => {
  const image = `registry.example:5000/shop/web@sha256:${'ab'.repeat(32)}`;
  expect(adviceFor('SIGNATURE_MISSING', { image })?.steps[0]?.run).toBe(`cosign sign ${image}`);
  expect(adviceFor('POLICY_INVALID', { policy: 'shop' })?.steps[0]?.run).toBe(
    'countersign policy lint -f policies/shop.yaml',
  );
  expect(adviceFor('SECRET_UNAVAILABLE', { namespace: 'shop' })?.steps[0]?.run).toContain(' -n shop ');
});

test.each([
  'registry.example/$(reboot)',
  'a;reboot',
  '`id`',
  'a b',
  '--help',
  'a\nreboot',
  "a'b",
  'a|b',
  '$&',
  'a'.repeat(600),
])('a name that a shell would not take for a word stays a placeholder: %j', (image) => {
  expect(adviceFor('SIGNATURE_MISSING', { image })?.steps[0]?.run).toBe('cosign sign IMAGE');
});

test.each(['', 'NO_SUCH_CODE', '__proto__', 'constructor'])('there is no advice for %j', (code) => {
  expect(adviceFor(code, {})).toBeUndefined();
});
