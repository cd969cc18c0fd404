// @vitest-environment node
import { expect, test } from 'vitest';

import { ENGLISH } from '../src/translation';
import {
  attachedTo,
  contentOf,
  messagesOf,
  newTurn,
  type Message,
  type Turn
} from '../src/protocol-types';
import { sample } from './samples';

interface Sample {
  name: string;
  system: string | null;
  turns: Turn[];
  messages: Message[];
}

test.each(sample<Sample[]>('conversations.json'))(
  'the messages of $name are those of the kernel',
  ({ turns, system, messages }) => expect(messagesOf(turns, system)).toEqual(messages)
);

test('what is attached comes before the words, and can be named again', () => {
  const file = { type: 'file' as const, file: { file_id: 'file-1', filename: 'a.pdf' } };
  const content = contentOf('Why?', [{ name: 'cell In[1]', text: '1/0' }], [file]);
  expect(content).toEqual([
    { type: 'text', text: '<cell In[1]>\n1/0\n</cell In[1]>' },
    file,
    { type: 'text', text: 'Why?' }
  ]);
  expect(attachedTo(newTurn('Why?', content), ENGLISH)).toEqual(['cell In[1]', 'a.pdf']);
  expect(contentOf('Why?', [], [])).toBe('Why?');
});

test('what is attached has a name that can be read', () => {
  const file = { type: 'file' as const, file: { filename: `gpj\u202eexe${'x'.repeat(1e6)}` } };
  const contexts = [
    { name: 'df\u200b\u202e', text: '3 rows' },
    { name: 'x'.repeat(1e6), text: '3 rows' }
  ];
  const names = attachedTo(newTurn('Why?', contentOf('Why?', contexts, [file])), ENGLISH);
  expect(names).toEqual(['df', '…', `gpjexe${'x'.repeat(193)}…`]);
});
