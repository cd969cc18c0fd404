// @vitest-environment node
import { expect, test } from 'vitest';

import {
  beginningOf,
  endOf,
  fileNameOf,
  LONGEST_SENTENCE,
  LONGEST_WORD,
  plainText,
  sentenceOf
} from '../../src/model/plain-text';

test.each([
  ['gpt-4', 'gpt-4'],
  ['  a\n\tb\u2028c\u0085d ', 'a b cd'],
  ['a\u0000b\u001b[31mc', 'ab[31mc'],
  ['gpj\u202eexe\u2066x\u2069\u200e\u200f', 'gpjexex'],
  ['a\u200bb\u2060c\u00add', 'abcd'],
  ['\ud800a\udc00', 'a'],
  ['\u200b a', 'a'],
  ['😀 Ä 漢', '😀 Ä 漢'],
  ['<img src=x onerror="hit()">', '<img src=x onerror="hit()">']
])('%j is shown as %j', (text, shown) => expect(plainText(text)).toBe(shown));

test.each([null, undefined, 5, true, {}, ['x'], Symbol('x')])('%s is no text', value =>
  expect(plainText(value)).toBe('')
);

test('what is too long is cut, and never within a character', () => {
  expect(plainText('x'.repeat(200))).toBe('x'.repeat(200));
  expect(plainText('x'.repeat(201))).toBe(`${'x'.repeat(199)}…`);
  for (let most = 2; most < 9; most++) {
    const shown = plainText('😀'.repeat(9), most);
    expect(shown).toMatch(/^(😀)*…$/u);
    expect(shown.length).toBeLessThanOrEqual(most);
  }
  expect(plainText('\u200b'.repeat(401) + 'x')).toBe('…');
});

test('the cost depends on the bound, not on the text', () => {
  const [text, longer] = [80_000, 8_000_000].map(times => '\u202e \n'.repeat(times));
  const costOf = (what: string): number => {
    const started = performance.now();
    for (let time = 0; time < 100; time++) {
      plainText(what);
    }
    return performance.now() - started;
  };
  costOf(text!); // compiled by now
  // Something else may run meanwhile: one good try is enough.
  const isIndependent = (): boolean => costOf(longer!) <= 3 * costOf(text!);
  expect([1, 2, 3, 4, 5].some(isIndependent)).toBe(true);
});

test('the beginning and the end of a text are whole characters', () => {
  expect([beginningOf('a😀b', 2), beginningOf('a😀b', 3), beginningOf('ab', 5)]).toEqual([
    'a',
    'a😀',
    'ab'
  ]);
  expect([endOf('a😀b', 2), endOf('a😀b', 3), endOf('ab', 5)]).toEqual(['b', '😀b', 'ab']);
});

test('whatever is thrown is a sentence', () => {
  expect(sentenceOf(new Error('No.\nNo!'))).toBe('No. No!');
  expect(sentenceOf('No.')).toBe('No.');
  expect(sentenceOf(new TypeError())).toBe('TypeError');
  expect(sentenceOf(undefined)).toBe('undefined');
  expect(sentenceOf(new Error('x'.repeat(1e6)))).toHaveLength(LONGEST_SENTENCE);
});

test.each([
  ['Old bridges', 'Old bridges'],
  ['a/b\\c:d*e?f"g<h>i|j', 'a b c d e f g h i j'],
  ['../../etc/passwd', 'etc passwd'],
  ['.hidden.', 'hidden'],
  ['\u202e\n', ''],
  ['x'.repeat(300), 'x'.repeat(LONGEST_WORD - 1)]
])('the file of %j is %j', (name, file) => expect(fileNameOf(name)).toBe(file));

test('the name of a file has room in its folder, whatever its letters', () => {
  const name = fileNameOf('漢'.repeat(150));
  expect(name).toBe('漢'.repeat(66));
});
