// @vitest-environment node
import { expect, test } from 'vitest';

import { shortCost, shortNumber } from '../../src/lab/amounts';

test.each([
  [0, '$0.00'],
  [0.01234, '$0.0123'],
  [1.5, '$1.50'],
  [1234.5, '$1,234.50']
])('a cost of %s is %s', (usd, text) => {
  expect(shortCost(usd)).toBe(text);
});

test('a large count is short', () => {
  expect([shortNumber(999), shortNumber(12_345)]).toEqual(['999', '12.3K']);
});
