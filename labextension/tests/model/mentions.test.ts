import { expect, test } from 'vitest';

import { filtered, triggerAt, withoutTrigger, type MentionGroup } from '../../src/model/mentions';

test.each([
  ['@', 1, ''],
  ['What is @df', 11, 'df'],
  ['What is @df?', 11, 'df'],
  ['(@In[2]', 7, 'In[2]'],
  ['a\n@x', 4, 'x']
])('%j mentions something', (draft, cursor, query) => {
  expect(triggerAt(draft, cursor)).toEqual({
    sign: '@',
    start: draft.indexOf('@'),
    end: cursor,
    query
  });
});

test.each([
  ['me@example.org', 14],
  ['@df is', 6],
  ['a @ b', 5],
  ['@@', 2],
  ['@', 0],
  ['', 0]
])('%j at %i does not', (draft, cursor) => expect(triggerAt(draft, cursor)).toBeNull());

test('a slash is a sign only at the start, and not in a path', () => {
  expect(triggerAt('/rev', 4)).toEqual({ sign: '/', start: 0, end: 4, query: 'rev' });
  for (const draft of ['1/2', ' /rev', '/usr/bin', '/rev ', 'a\n/rev']) {
    expect(triggerAt(draft, draft.length)).toBeNull();
  }
});

test('what was typed to mention something goes', () => {
  const trigger = triggerAt('What is @df?', 11)!;
  expect(withoutTrigger('What is @df?', trigger)).toEqual({ draft: 'What is ?', cursor: 8 });
});

function group(label: string, ...labels: string[]): MentionGroup {
  return {
    label,
    mentions: labels.map(name => ({
      id: name,
      kind: 'variable',
      label: name,
      detail: `DataFrame ${name.length} x 3`,
      attach: () => undefined
    }))
  };
}

test('the list has what contains the query, and first what begins with it', () => {
  const groups = [group('Variables', 'old_df', 'df', 'rows'), group('Cells', 'In[2]')];
  const labels = (query: string): string[][] =>
    filtered(groups, query).map(({ mentions }) => mentions.map(({ label }) => label));
  expect(labels('DF')).toEqual([['df', 'old_df']]);
  expect(labels('dataframe')).toEqual([['old_df', 'df', 'rows'], ['In[2]']]);
  expect(labels('in')).toEqual([['In[2]']]);
  const first = [group('Cells', 'a df b'), group('Variables', 'df')];
  expect(filtered(first, 'df').map(({ label }) => label)).toEqual(['Variables', 'Cells']);
  expect(labels('nothing')).toEqual([]);
  const many = group('Cells', ...Array.from({ length: 50 }, (_, index) => `In[${index}]`));
  expect(filtered([many], '')[0]!.mentions).toHaveLength(6);
  expect(filtered([many], 'in')[0]!.mentions).toHaveLength(30);
});

test('a group that cannot be read says why, as long as nothing else is looked for', () => {
  const busy = { label: 'Variables', mentions: [], note: 'the kernel is busy' };
  expect(filtered([busy], '')).toEqual([busy]);
  expect(filtered([busy], 'x')).toEqual([]);
});
