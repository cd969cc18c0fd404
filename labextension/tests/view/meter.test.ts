import { h } from 'preact';
import { expect, test } from 'vitest';

import type { Carrier, CarrierEvent } from '../../src/carriers/carrier';
import { ChatModel } from '../../src/model/chat';
import { fullnessOf } from '../../src/model/weight';
import { newTurn, type Setup, type Turn } from '../../src/protocol-types';
import { ENGLISH } from '../../src/translation';
import { Meter } from '../../src/view/meter';
import { drawn } from '../page';

/** A chat with a model whose context is known, or not. */
function chat(most: number | null, turn: Partial<Turn> | null = null): ChatModel {
  let tell: (event: CarrierEvent) => void = () => undefined;
  const connect = (listener: typeof tell): typeof tell => (tell = listener);
  const model = new ChatModel({ connect } as unknown as Carrier);
  const limits = { attachment_bytes: 10, attachments_bytes: 20 };
  const setup: Setup = {
    models: ['llama'],
    default_model: 'campus/llama',
    notices: [],
    limits,
    context_tokens: most === null ? {} : { llama: most }
  };
  tell({ type: 'setup', setup });
  if (turn) {
    const turns = [{ ...newTurn('Hi', 'Hi'), state: 'whole' as const, ...turn }];
    tell({ type: 'turns', ids: turns.map(({ id }) => id), turns, running: null });
  }
  return model;
}

async function shown(model: ChatModel, draft = ''): Promise<string> {
  const { node, takeAway } = await drawn(
    h(Meter, { fullness: fullnessOf(model, draft), words: ENGLISH })
  );
  const value = node.querySelector('[role=meter]')?.getAttribute('aria-valuenow') ?? '';
  const text = [value, node.textContent].filter(Boolean).join(': ');
  await takeAway();
  return text;
}

test('the history counts as the upstream counted it, and the rest by its characters', () => {
  const model = chat(1000, { tokens_in: 300, tokens_out: 100, answer: 'x'.repeat(10_000) });
  model.draft.add({ name: 'df', text: 'x'.repeat(80) });
  expect(fullnessOf(model, 'x'.repeat(40))).toEqual({ tokens: 430, most: 1000 });
  expect(fullnessOf(chat(null, { answer: 'x'.repeat(400) }), '')).toEqual({
    tokens: 101,
    most: null
  });
});

test('the meter is quiet until half of the context is full, and warns near its end', async () => {
  expect(await shown(chat(1000), 'x'.repeat(1900))).toBe('');
  expect(await shown(chat(1000), 'x'.repeat(2400))).toBe('60: about 600 of 1,000 tokens');
  expect(await shown(chat(1000), 'x'.repeat(3700))).toContain('almost full');
  expect(await shown(chat(1000), 'x'.repeat(8000))).toContain('100: about 2,000 of 1,000 tokens');
  expect(await shown(chat(1000), 'x'.repeat(8000))).toContain('more than the model can take');
});

test('where the context is not known, a large number of tokens is told', async () => {
  expect(await shown(chat(null), 'x'.repeat(1000))).toBe('');
  expect(await shown(chat(null), 'x'.repeat(20_000))).toBe('about 5,000 tokens');
});
