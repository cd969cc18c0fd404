import { expect, test } from 'vitest';

import { differenceOf } from '../../src/lab/difference';

const shown = (before: string, after: string): string[] =>
  [...differenceOf(before, after).children].map(
    line => `${line.tagName} ${line.innerHTML.replace(/\n$/, '')}`
  );

test('words that changed in a line are marked', () => {
  expect(shown('import numpy\nmean = x.mean()', 'import numpy\nmean = x.median()')).toEqual([
    'SPAN   import numpy',
    'DEL - mean = x.<mark>mean</mark>()',
    'INS + mean = x.<mark>median</mark>()'
  ]);
});

test('lines without a word in common, or of another number, are shown whole', () => {
  expect(shown('one', 'two')).toEqual(['DEL - one', 'INS + two']);
  expect(shown('a b', 'a c\na d')).toEqual(['DEL - a b', 'INS + a c', 'INS + a d']);
});

test('text is never markup', () => {
  expect(differenceOf('', '<img src=x onerror=alert(1)>').querySelector('img')).toBeNull();
});
