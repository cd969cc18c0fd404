/** What a turn offers once its answer has ended. */
import { h } from 'preact';
import { act } from 'preact/test-utils';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import type { Carrier, CarrierEvent } from '../../src/carriers/carrier';
import { ChatModel } from '../../src/model/chat';
import type { ContextSource } from '../../src/model/mentions';
import { newTurn, type Turn } from '../../src/protocol-types';
import { ENGLISH } from '../../src/translation';
import { Chat } from '../../src/view/chat';
import { drawn } from '../page';

const typesetter = { highlight: () => undefined, typeset: () => undefined };
let tell: (event: CarrierEvent) => void;
let takeAway: () => Promise<void>;

const ask = vi.fn<Carrier['ask']>();
const carrier = {
  connect: (listener: typeof tell) => (tell = listener),
  ask
} as unknown as Carrier;

let model: ChatModel;
let sources: ContextSource[];

beforeEach(() => {
  ask.mockReset();
  model = new ChatModel(carrier);
  sources = [];
});

afterEach(() => takeAway());

function tellTurns(...turns: Turn[]): void {
  tell({ type: 'turns', ids: turns.map(({ id }) => id), turns, running: null });
}

async function shown(...turns: Turn[]): Promise<HTMLElement> {
  tellTurns(...turns);
  const setUp = h('b', {}, 'Set up');
  const page = await drawn(h(Chat, { model, words: ENGLISH, typesetter, setUp, sources }));
  takeAway = page.takeAway;
  return page.node;
}

const ended = (ending: Partial<Turn>): Turn => ({ ...newTurn('Hi', 'Hi'), ...ending });

function buttons(node: HTMLElement): (string | null)[] {
  const found = node.querySelectorAll('.aqueduct-answer button');
  return [...found].map(button => button.getAttribute('aria-label') ?? button.textContent);
}

test.each([
  [ended({ state: 'failed', error: 'No.' }), ['Try again']],
  [ended({ state: 'whole' }), ['Ask again']],
  [ended({ state: 'whole', answer: '\n', reasoning: 'hm' }), ['Ask again']],
  [ended({ state: 'stopped' }), ['Ask again']],
  [ended({ state: 'whole', answer: 'Yes' }), ['Copy the answer', 'Ask again']]
])('there is one way to ask again: %#', async (turn, expected) => {
  const node = await shown(turn);
  expect(buttons(node)).toEqual(expected);
  const again = [...node.querySelectorAll<HTMLButtonElement>('.aqueduct-answer button')].at(-1)!;
  await act(() => again.click());
  expect(ask).toHaveBeenCalledWith(expect.objectContaining({ prompt: 'Hi', before: turn.id }));
});

test('an answer without a word says so', async () => {
  const node = await shown(ended({ state: 'whole' }), ended({ state: 'whole', answer: 'Yes' }));
  const [first, second] = node.querySelectorAll('.aqueduct-answer');
  expect(first!.textContent).toContain('The model gave an empty answer.');
  expect(second!.textContent).not.toContain('empty');
});

test('a model can be set up before and after the first question, until there is one', async () => {
  const limits = { attachment_bytes: 1, attachments_bytes: 1 };
  const setup = { models: ['echo'], default_model: null, notices: [], limits, needs_model: true };
  tell({ type: 'setup', setup });
  const node = await shown();
  expect(node.querySelector('[role=log]')!.textContent).toBe('Set up');
  await act(() => tellTurns(ended({ state: 'whole', answer: 'Hi' })));
  expect(node.querySelector('[role=log]')!.textContent).not.toContain('Set up');
  expect(node.querySelector('aside')!.textContent).toBe('Set up');
  await act(() => tell({ type: 'setup', setup: { ...setup, needs_model: false } }));
  expect(node.textContent).not.toContain('Set up');
});

test('what goes along with a suggested question is taken when it is chosen, not before', async () => {
  const take = vi.fn(() => ({ name: 'notebook a.ipynb', text: 'all of it' }));
  sources = [
    { label: 'Error', suggestion: 'Explain the error', isThere: () => false, take: () => null },
    { label: 'Notebook', suggestion: 'Sum it up', isThere: () => true, take }
  ];
  const node = await shown();
  await act(() => model.changed.emit());
  const suggested = [...node.querySelectorAll<HTMLButtonElement>('.aqueduct-empty button')];
  expect(suggested.map(({ textContent }) => textContent)).toEqual(['Sum it up']);
  expect(take).not.toHaveBeenCalled();
  await act(() => suggested[0]!.click());
  expect(model.draft.contexts).toMatchObject([{ text: 'all of it' }]);
  expect(model.draft.text).toBe('Sum it up');
});

test.each([
  ['line\n'.repeat(40), 10 * 'line\n'.length - 1],
  ['x'.repeat(3_000_000), 1200],
  [`${'x'.repeat(1199)}😀${'x'.repeat(3000)}`, 1199]
])(
  'of a long question the first lines are shown until all is asked for: %#',
  async (prompt, most) => {
    const node = await shown({ ...newTurn(prompt, prompt), state: 'whole', answer: 'Yes' });
    const text = (): string => node.querySelector('.aqueduct-prompt')!.textContent;
    expect(text()).toBe(`${prompt.slice(0, most)}…`);
    const fold = node.querySelector<HTMLElement>('.aqueduct-fold')!;
    expect(fold.getAttribute('aria-expanded')).toBe('false');
    await act(() => fold.click());
    expect(text()).toBe(prompt);
    expect(fold.getAttribute('aria-expanded')).toBe('true');
  }
);

test.each(['a question', 'line\n'.repeat(12), 'x'.repeat(1500)])(
  'a question that is not much longer is shown as a whole: %#',
  async prompt => {
    const node = await shown({ ...newTurn(prompt, prompt), state: 'whole', answer: 'Yes' });
    expect(node.querySelector('.aqueduct-prompt')!.textContent).toBe(prompt);
    expect(node.querySelector('.aqueduct-fold')).toBeNull();
  }
);
