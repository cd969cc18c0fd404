/** The remarks below an answer: those of the server, and one in the user's own language. */
import { h } from 'preact';
import { afterEach, expect, test } from 'vitest';

import type { Carrier, CarrierEvent } from '../../src/carriers/carrier';
import { turnIn } from '../../src/carriers/received';
import { ChatModel } from '../../src/model/chat';
import { newTurn } from '../../src/protocol-types';
import { ENGLISH, type Words } from '../../src/translation';
import { Chat } from '../../src/view/chat';
import { drawn, redrawn } from '../page';

const typesetter = { highlight: () => undefined, typeset: () => undefined };
/** A language that says how many there are, and nothing else. */
const TRANSLATED: Words = { ...ENGLISH, _n: (_, __, count) => `<${count}>` };
const OTHER = 'page 3 could not be read';

let takeAway: () => Promise<void>;

afterEach(() => takeAway());

async function footer(words: Words, ending: object): Promise<string> {
  let tell: (event: CarrierEvent) => void = () => undefined;
  const connect = (listener: typeof tell): void => void (tell = listener);
  const model = new ChatModel({ connect, dispose: () => undefined } as unknown as Carrier);
  const page = await drawn(h(Chat, { model, words, typesetter }));
  ({ takeAway } = page);
  const turn = turnIn({ ...newTurn('Hi', 'Hi'), answer: 'Yes', state: 'whole', ...ending });
  tell({ type: 'turns', ids: [turn.id], turns: [turn], running: null });
  await redrawn();
  return page.node.querySelector('.aqueduct-footer > p')!.textContent;
}

test.each([
  [1, 'the oldest turn no longer fits and was left out'],
  [2, 'the 2 oldest turns no longer fit and were left out']
])('%i turns that were left out are said as the server says it, in English', async (n, said) => {
  expect(await footer(ENGLISH, { notes: [said, OTHER], dropped_turns: n })).toBe(
    `${said} · ${OTHER}`
  );
});

test('turns that were left out are said in the user’s language, once', async () => {
  const notes = ['the 2 oldest turns no longer fit and were left out', OTHER];
  expect(await footer(TRANSLATED, { notes, dropped_turns: 2 })).toBe(`<2> · ${OTHER}`);
});

test('an older server says it itself', async () => {
  const notes = ['the 2 oldest turns no longer fit and were left out'];
  expect(await footer(TRANSLATED, { notes, dropped_turns: undefined })).toBe(notes[0]);
});
