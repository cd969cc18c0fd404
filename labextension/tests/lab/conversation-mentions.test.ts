// @vitest-environment node
import { expect, test } from 'vitest';

import { conversationContext } from '../../src/lab/conversation-mentions';

test('of a long conversation the end goes along, and the chip says how much does not', () => {
  const { name, text, left } = conversationContext('Arches', `${'x'.repeat(30_000)}end`);
  expect(name).toBe('conversation Arches');
  expect(text).toMatch(/^x+end$/);
  expect(text.length + left!.characters).toBe(30_003);
});
