// @vitest-environment node
import { expect, test } from 'vitest';

import { groupOf, timeOf } from '../../src/model/dates';
import { ENGLISH } from '../../src/translation';

const NOW = new Date(2026, 10, 27, 0, 30).getTime();
const at = (...when: [number, number, number, number, number]): number =>
  new Date(...when).getTime() / 1000;

test.each([
  [at(2026, 10, 27, 0, 5), 'Today'],
  [at(2026, 10, 28, 9, 0), 'Today'],
  [at(2026, 10, 26, 23, 59), 'Yesterday'],
  [at(2026, 10, 21, 12, 0), 'The last 7 days'],
  [at(2026, 10, 20, 12, 0), 'November 2026'],
  [at(2025, 1, 1, 12, 0), 'February 2025']
])('%d belongs to %s', (seconds, group) => {
  expect(groupOf(seconds, NOW, ENGLISH)).toBe(group);
});

test('a time says what helps to find it', () => {
  expect(timeOf(at(2026, 10, 26, 14, 5), NOW)).toMatch(/2:05|14:05/);
  expect(timeOf(at(2026, 10, 23, 14, 5), NOW)).toBe('Monday');
  expect(timeOf(at(2026, 9, 3, 14, 5), NOW)).toContain('2026');
});
