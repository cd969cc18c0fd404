/** A browser may refuse to copy; that is said where it was asked for. */
import { h } from 'preact';
import { act } from 'preact/test-utils';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import type { Carrier } from '../../src/carriers/carrier';
import { ChatModel } from '../../src/model/chat';
import { ENGLISH } from '../../src/translation';
import { codeBar } from '../../src/view/code-bar';
import { TurnView } from '../../src/view/turn';
import { newTurn } from '../../src/protocol-types';
import { drawn, redrawn } from '../page';

const execCommand = vi.fn<() => boolean>();

beforeEach(() => Object.assign(document, { execCommand }));
afterEach(() => vi.clearAllMocks());

async function copied(node: HTMLElement, label: string): Promise<void> {
  await act(() => node.querySelector<HTMLElement>(`[aria-label='${label}']`)!.click());
  await redrawn();
}

test.each([
  [true, 'Copied'],
  [false, 'Not copied']
])('a block of code, where the browser says %s: %s', async (isLet, said) => {
  execCommand.mockReturnValue(isLet);
  const bar = codeBar('print(1)', 'python', ENGLISH);
  await copied(bar, 'Copy');
  expect(bar.querySelector('span')!.textContent).toBe(said);
});

test('an answer', async () => {
  execCommand.mockReturnValue(false);
  const carrier = { connect: () => undefined } as unknown as Carrier;
  const model = new ChatModel(carrier);
  const turn = { ...newTurn('Hi', 'Hi'), answer: 'Yes', state: 'whole' as const };
  const typesetter = { highlight: () => undefined, typeset: () => undefined };
  const { node, takeAway } = await drawn(
    h(TurnView, { turn, model, typesetter, words: ENGLISH, isReady: true })
  );
  await copied(node, 'Copy the answer');
  expect(model.trouble).toBe(
    'The browser did not allow copying. Select the text and copy it yourself.'
  );
  await takeAway();
});
