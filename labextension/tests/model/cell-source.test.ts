// @vitest-environment node
import { expect, test } from 'vitest';

import { cellSource, fenced } from '../../src/model/cell-source';

const code = (source: string) => ({ kind: 'code', source, canRun: true });

test.each([
  ['x = 1', '', 'python', code('x = 1')],
  ['x = 1', 'Python', 'python', code('x = 1')],
  ['>>> x = 1\n>>> x\n1', 'pycon', 'python', code('x = 1\nx')],
  ['ls', 'bash', 'python', code('%%bash\nls')],
  ['$ ls\nwork.ipynb', 'console', 'python', code('%%bash\nls')],
  ['pip install polars\n', 'bash', 'python', code('%pip install polars')],
  ['$ pip install polars', 'console', 'python', code('%pip install polars')],
  ['pip install polars\nls', 'sh', 'python', code('%%bash\npip install polars\nls')],
  ['select 1', 'sql', 'python', code('%%sql\nselect 1')],
  ['# Title', 'markdown', 'python', { kind: 'markdown', source: '# Title', canRun: false }],
  ['x <- 1', 'r', 'R', code('x <- 1')],
  ['x <- 1', '', 'R', code('x <- 1')],
  ['%%sql\nSELECT 1', 'SQL', 'python', code('%%sql\nSELECT 1')],
  ['%%bash\nls', 'bash', 'python', code('%%bash\nls')]
])('%j in %j for a kernel of %j', (block, language, kernel, expected) => {
  expect(cellSource(block, language, kernel)).toEqual(expected);
});

test.each([
  ['{"a": 1}', 'json', 'python'],
  ['x = 1', 'python', 'R'],
  ['ls', 'bash', 'julia'],
  ['plain words', 'text', 'python']
])('what the kernel cannot run is a Markdown cell: %j in %j', (block, language, kernel) => {
  const source = `\`\`\`${language}\n${block}\n\`\`\``;
  expect(cellSource(block, language, kernel)).toEqual({ kind: 'markdown', source, canRun: false });
});

test('no line of the code closes its fence', () => {
  expect(fenced('a\n````\nb', 'text')).toBe('`````text\na\n````\nb\n`````');
});
