import fc from 'fast-check';
import { expect, test } from 'vitest';
import { cut, html, Html } from '../../../src/http/console/html.ts';

test.each([
  ['a script', '<script>alert(1)</script>', '&lt;script&gt;alert(1)&lt;/script&gt;'],
  ['the end of an attribute', '" onmouseover="alert(1)', '&quot; onmouseover=&quot;alert(1)'],
  ['the end of an attribute in single quotes', "' autofocus", '&#39; autofocus'],
  ['an entity, which stays what was written', '&lt;b&gt;', '&amp;lt;b&amp;gt;'],
  ['NUL', 'a\0b', 'a\\u{0}b'],
  ['an escape sequence', '\u{1b}[31m', '\\u{1b}[31m'],
  ['text that runs the other way', 'exe\u{202e}gnp.', 'exe\\u{202e}gnp.'],
  ['text that nobody sees', 'ad\u{200b}min', 'ad\\u{200b}min'],
  ['half a character', 'a\ud800b', 'a\\u{d800}b'],
  ['a line separator', 'a\u2028b', 'a\\u{2028}b'],
  ['a line end, which may stay', 'a\nb', 'a\nb'],
  ['other languages, which may stay', 'bäckerei 面包店', 'bäckerei 面包店'],
])('text is escaped: %s', (_what, text, expected) => {
  expect(html`${text}`.toString()).toBe(expected);
});

test('templates in templates are not escaped again, and lists are joined', () => {
  const inner = html`<b>${'<i>'}</b>`;
  expect(html`${inner}${[inner, ' & ', 3]}${undefined}${false}`.toString()).toBe(
    '<b>&lt;i&gt;</b><b>&lt;i&gt;</b> &amp; 3',
  );
});

test('what only looks like HTML of ours is refused or escaped', () => {
  // As somebody would who has data of the right shape, but no template.
  const forged = { toString: () => '<script>' } as unknown as Html;
  expect(() => html`${forged}`.toString()).toThrow(TypeError);
  expect(() => new Html(Symbol('trusted') as never, '<script>')).toThrow('only templates make HTML');
});

test('law: no text brings a tag, a quote or a control character into a page', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
      const shown = html`${text}`.toString();
      expect(shown).not.toMatch(/[<>"']/);
      expect(shown.replaceAll(/[\n\t]/g, '')).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}]/u);
      expect(shown.replaceAll(/&(?:amp|lt|gt|quot|#39);/g, '')).not.toContain('&');
    }),
  );
});

test('a long text is cut, never in the middle of a character', () => {
  expect(cut('a'.repeat(10), 4)).toBe('aaaa…');
  expect(cut('ab', 4)).toBe('ab');
  expect(cut('a😀', 2).isWellFormed()).toBe(true);
});
