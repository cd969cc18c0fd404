// @vitest-environment node
import { expect, test } from 'vitest';

import {
  bestOf,
  filtered,
  triggerAt,
  withoutTrigger,
  type MentionGroup
} from '../../src/model/mentions';

test.each([
  ['@', 1, ''],
  ['What is @df', 11, 'df'],
  ['What is @df?', 11, 'df'],
  ['(@In[2]', 7, 'In[2]'],
  ['a\n@x', 4, 'x'],
  ['the @active ce', 14, 'active ce'],
  [`${'x'.repeat(3_000_000)} @df`, 3_000_004, 'df']
])('%.20j mentions something', (draft, cursor, query) => {
  expect(triggerAt(draft, cursor)).toEqual({
    sign: '@',
    start: draft.indexOf('@'),
    end: cursor,
    query
  });
});

test.each([
  ['me@example.org', 14],
  ['a @ b', 5],
  ['@@', 2],
  ['a @b\nc', 6],
  ['@', 0],
  ['', 0]
])('%j at %i does not', (draft, cursor) => expect(triggerAt(draft, cursor)).toBeNull());

test('a slash is a sign only at the start, and not in a path', () => {
  expect(triggerAt('/rev', 4)).toEqual({ sign: '/', start: 0, end: 4, query: 'rev' });
  expect(triggerAt('/my rev', 7)).toMatchObject({ query: 'my rev' });
  for (const draft of ['1/2', ' /rev', '/usr/bin', '/ rev', 'a\n/rev']) {
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
  expect(labels('df ')).toEqual([]);
  expect(labels('dataframe 2')).toEqual([]);
  const named = [group('Cells', 'Active cell', 'active'), group('Other', 'My active cell')];
  expect(filtered(named, 'active c').map(({ label }) => label)).toEqual(['Cells', 'Other']);
  expect(bestOf(named, 'active')!.label).toBe('active');
  expect(bestOf(named, '')!.label).toBe('Active cell');
  const many = group('Cells', ...Array.from({ length: 50 }, (_, index) => `In[${index}]`));
  expect(filtered([many], '')[0]!.mentions).toHaveLength(6);
  expect(filtered([many], 'in')[0]!.mentions).toHaveLength(30);
});

test('a group that cannot be read says why, as long as nothing else is looked for', () => {
  const busy = { label: 'Variables', mentions: [], note: 'the kernel is busy' };
  expect(filtered([busy], '')).toEqual([busy]);
  expect(filtered([busy], 'x')).toEqual([]);
});
