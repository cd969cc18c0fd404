import { expect, test } from 'vitest';

import { selectionContext } from '../../src/lab/notebook-text';

test('what is too long is cut between characters, and says how much of it', () => {
  for (const selected of ['😀'.repeat(20_000), `a${'😀'.repeat(20_000)}`]) {
    const { text } = selectionContext(selected);
    expect(text).not.toMatch(/\p{Surrogate}/u);
    const left = Number(/\[left out: (\d+) characters\]/.exec(text)![1]);
    expect(text.replace(/\n\[.*\]\n/, '').length + left).toBe(selected.length);
  }
  expect(selectionContext('x').text).toBe('x');
});
