// @vitest-environment node
import { expect, test } from 'vitest';

import { changesIn, changesPrompt, toldIn } from '../../src/model/changes';

test('each block that names a cell is a change, in the order of the answer', () => {
  const answer = [
    'I rename the frame.',
    '```python replace=a1\nframe = 1\n```',
    'Then:',
    '~~~markdown after="a1"\n# Result\n```\nnot the end\n```\n~~~',
    '```delete=b2\n```',
    '```move=c3 after=start\n```'
  ].join('\n');
  expect(changesIn(answer)).toEqual([
    { act: 'replace', cell: 'a1', source: 'frame = 1', language: 'python' },
    {
      act: 'insert',
      after: 'a1',
      source: '# Result\n```\nnot the end\n```',
      language: 'markdown'
    },
    { act: 'delete', cell: 'b2' },
    { act: 'move', cell: 'c3', after: 'start' }
  ]);
});

test.each([
  ['an ordinary block', '```python\nafter=1\n```'],
  ['a block that is still open', '```python replace=a1\nframe'],
  ['a move without a place', '```move=a1\n```'],
  ['an id that cannot be one', '```python replace=<script>\n1\n```'],
  ['words about it', 'Write replace=a1 to change it.']
])('%s is no change', (_name, answer) => {
  expect(changesIn(answer)).toEqual([]);
});

test('what was told is found again, and what does not fit is said', () => {
  const cells = ['a1', 'b2', 'c3'].map(id => ({
    id,
    kind: 'python',
    source: `x = "${id}"`,
    output: ''
  }));
  const text = changesPrompt(cells, 70);
  expect([...toldIn(text)]).toEqual([
    ['a1', 'x = "a1"'],
    ['b2', 'x = "b2"']
  ]);
  expect(text).toContain('[left out: the last 1 cells]');
});

test('the model is told of the cells by their ids, in fences that no source closes', () => {
  const text = changesPrompt([
    { id: 'a1', kind: 'python', source: 's = """\n```\n"""', output: '3' },
    { id: 'b2', kind: 'markdown', source: '# Title', output: '' }
  ]);
  expect(text).toContain('````python cell=a1\ns = """\n```\n"""\n````\nOutput:\n```\n3\n```');
  expect(text).toContain('```markdown cell=b2\n# Title\n```\n\nTo change this notebook');
});
