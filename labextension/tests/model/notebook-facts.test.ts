// @vitest-environment node
import { expect, test } from 'vitest';

import { notebookFacts } from '../../src/model/notebook-facts';

test('a notebook is told by its path, its kernel and its language, as plain text', () => {
  const facts = { path: 'work/a\u202e\n.ipynb', kernel: 'Python 3', language: 'python' };
  expect(notebookFacts(facts)).toBe(
    'The user works in the Jupyter notebook "work/a .ipynb". Its kernel is "Python 3". ' +
      'Its code is python. The user can put code blocks of your answer into its cells.'
  );
});

test('what is not known is not told', () => {
  expect(notebookFacts({ path: 'a.ipynb', kernel: '', language: undefined })).toBe(
    'The user works in the Jupyter notebook "a.ipynb". ' +
      'The user can put code blocks of your answer into its cells.'
  );
});
