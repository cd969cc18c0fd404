// @vitest-environment node
import { expect, test, vi } from 'vitest';

import { conversationContext, ConversationMentions } from '../../src/lab/conversation-mentions';
import { ENGLISH } from '../../src/translation';

test('a conversation goes along with the question for which it was chosen', async () => {
  let arrive: (text: string) => void = () => undefined;
  const conversations = {
    list: () => Promise.resolve([{ id: 'a', name: 'Arches', turns: 1 }]),
    export: () => new Promise<string>(resolve => (arrive = resolve))
  };
  const carrier = { conversations, current: { id: 'b' } };
  const [asked, other] = [{ add: vi.fn() }, { add: vi.fn() }];
  const model = { draft: asked };
  const source = new ConversationMentions(carrier as never, model as never, ENGLISH);
  const { mentions } = (await source.list())!;
  const attached = mentions[0]!.attach('');
  // Another conversation is opened meanwhile.
  model.draft = other;
  arrive('# Arches');
  await attached;
  expect(asked.add).toHaveBeenCalledExactlyOnceWith(
    expect.objectContaining({ name: 'conversation Arches', text: '# Arches' })
  );
  expect(other.add).not.toHaveBeenCalled();
});

test('of a long conversation the end goes along, and the chip says how much does not', () => {
  const { name, text, left } = conversationContext('Arches', `${'x'.repeat(30_000)}end`);
  expect(name).toBe('conversation Arches');
  expect(text).toMatch(/^x+end$/);
  expect(text.length + left!.characters).toBe(30_003);
});
