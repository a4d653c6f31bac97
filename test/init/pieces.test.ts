/** The small parts that all commands share. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseMountInfo } from '../../src/init/mounts.ts';
import { redactor } from '../../src/init/redact.ts';
import { durationOf, modeOf, secretOf, textOf, wholeNumberOf } from '../../src/init/settings.ts';

describe('the redactor', () => {
  test('leaves nothing of a secret, however it is written', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 8, unit: 'grapheme' }), fc.string(), fc.string(), (secret, before, after) => {
        fc.pre(!secret.includes('\n') && !secret.includes('\r') && !'***'.includes(secret));
        const hide = redactor([secret]);
        const forms = [secret, encodeURIComponent(secret.toWellFormed()), Buffer.from(secret).toString('base64')];
        for (const form of forms) expect(hide(`${before}${form}${after}`)).not.toContain(form);
      }),
    );
  });

  test('hides every line of a key, and the longer of two secrets as a whole', () => {
    expect(redactor(['first line\r\nsecond line\n'])('a second line, a first line')).toBe('a ***, a ***');
    expect(redactor(['pass', 'password'])('password')).toBe('***');
  });

  test('leaves text alone when there is no secret, or one that is no secret', () => {
    expect(redactor([undefined, '', 'a'])('as it is')).toBe('as it is');
  });
});

describe('mounts', () => {
  test('are those of volumes', () => {
    const lines = [
      '1 0 0:1 / / rw - overlay overlay rw',
      '2 1 0:2 / /proc rw - proc proc rw',
      '3 1 0:3 / /dev/shm rw - tmpfs tmpfs rw',
      '4 1 0:4 /hosts /etc/hosts rw - ext4 /dev/x rw',
      '5 1 0:5 /v /workspace rw - ext4 /dev/x rw',
      String.raw`6 1 0:5 /w /my\040data rw - ext4 /dev/x rw`,
      '',
    ];
    expect(parseMountInfo(lines.join('\n'))).toEqual(['/workspace', '/my data']);
  });
});

describe('settings', () => {
  const bounds = { fallback: 7, min: 0, max: 10 };

  test.each([
    [undefined, 7],
    ['', 7],
    ['0', 0],
    ['10', 10],
  ])('reads the number %j as %i', (value, number) => {
    expect(wholeNumberOf({ X: value }, 'X', bounds)).toEqual({ ok: true, value: number });
  });

  test.each(['11', '-1', '1.5', '1e1', ' 1', 'one', '9'.repeat(400)])('refuses the number %.20j', (value) => {
    expect(wholeNumberOf({ X: value }, 'X', bounds)).toEqual({ ok: false, failure: expect.stringContaining('X is "') });
  });

  test.each([
    ['5s', 5_000],
    ['1m30s', 90_000],
    ['10ms', 10],
    [undefined, 7],
  ])('reads the duration %j as %i ms', (value, millis) => {
    expect(durationOf({ X: value }, ['W', 'X'], { ...bounds, max: 90_000 })).toEqual({ ok: true, value: millis });
  });

  test.each(['5', '-5s', 'soon', '2h'])('refuses the duration %j', (value) => {
    expect(durationOf({ X: value }, ['X'], { ...bounds, max: 90_000 })).toMatchObject({ ok: false });
  });

  test.each([
    [undefined, 0o644],
    ['420', 0o644],
    ['0600', 0o600],
    ['0', 0],
    ['511', 0o777],
  ])('reads the mode %j as %i', (value, mode) => {
    expect(modeOf({ X: value }, 'X', 0o644)).toEqual({ ok: true, value: mode });
  });

  test.each(['512', '0888', '01777', '-1', 'rw', '99999'])('refuses the mode %j', (value) => {
    expect(modeOf({ X: value }, 'X', 0o644)).toMatchObject({ ok: false });
  });

  test('takes an empty text for none, and a secret without the newline at its end', () => {
    expect([textOf({ X: '' }, 'X'), secretOf({ X: '\n' }, 'X'), secretOf({ X: 'a b\r\n' }, 'X')]).toEqual([
      undefined,
      undefined,
      'a b',
    ]);
  });
});
