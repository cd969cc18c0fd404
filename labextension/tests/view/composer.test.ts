import { h } from 'preact';
import { act } from 'preact/test-utils';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import type { Carrier, CarrierEvent } from '../../src/carriers/carrier';
import { ChatModel } from '../../src/model/chat';
import { LONGEST_WORD } from '../../src/model/plain-text';
import { newTurn } from '../../src/protocol-types';
import { ENGLISH } from '../../src/translation';
import { Composer } from '../../src/view/composer';
import { drawn } from '../page';

let tell: (event: CarrierEvent) => void;
let model: ChatModel;
let takeAway: () => Promise<void>;

const carrier = {
  connect: (listener: typeof tell) => (tell = listener),
  upload: vi.fn<Carrier['upload']>(() => new Promise(() => undefined))
} as unknown as Carrier;

beforeEach(() => {
  model = new ChatModel(carrier);
});

afterEach(() => takeAway());

/** Draw the composer, with models to choose from. */
async function composer(...models: string[]): Promise<HTMLElement> {
  const limits = { attachment_bytes: 10, attachments_bytes: 20 };
  tell({ type: 'setup', setup: { models, default_model: null, notices: [], limits } });
  const page = await drawn(h(Composer, { model, words: ENGLISH }));
  takeAway = page.takeAway;
  return page.node;
}

const options = (node: HTMLElement): HTMLElement[] => [
  ...node.querySelectorAll<HTMLElement>('.aqueduct-models .aqueduct-menu-list button')
];

async function chosen(node: HTMLElement, look: string): Promise<string | null> {
  await act(() =>
    options(node)
      .find(({ textContent }) => textContent === look)!
      .click()
  );
  return model.model;
}

test('a model is asked by the name that its upstream gave, whatever is shown of it', async () => {
  const long = `campus/${'x'.repeat(300)}`;
  const node = await composer('m', long, 'gpj\u202eexe');
  const looks = options(node).map(({ textContent }) => textContent);
  expect(looks).toEqual(['m', `${long.slice(0, LONGEST_WORD - 1)}…`, 'gpjexe']);
  expect(await chosen(node, looks[1]!)).toBe(long);
  expect(await chosen(node, 'gpjexe')).toBe('gpj\u202eexe');
});

test('of two models that look alike the one is asked that is as it looks', async () => {
  const node = await composer('gpt-4\u200b', 'gpt-4', 'gpt-4\u2060', '\u200b');
  expect(options(node)).toHaveLength(1);
  expect(await chosen(node, 'gpt-4')).toBe('gpt-4');
});

test('Enter in the search for a model chooses the first hit, and sends nothing', async () => {
  const sent = vi.spyOn(model, 'send');
  const node = await composer(...Array.from({ length: 9 }, (_, number) => `model-${number}`));
  const search = node.querySelector<HTMLInputElement>('input[type=search]')!;
  search.value = '7';
  await act(() => void search.dispatchEvent(new Event('input', { bubbles: true })));
  const enter = new KeyboardEvent('keydown', { key: 'Enter', bubbles: true, cancelable: true });
  await act(() => void search.dispatchEvent(enter));
  expect(enter.defaultPrevented).toBe(true);
  expect(model.model).toBe('model-7');
  expect(sent).not.toHaveBeenCalled();
  expect(document.activeElement).toBe(node.querySelector('textarea'));
});

test('the draft comes back after a question was edited, whether it was sent or not', async () => {
  const node = await composer('m');
  const area = node.querySelector('textarea')!;
  const type = async (text: string): Promise<void> => {
    area.value = text;
    await act(() => void area.dispatchEvent(new Event('input', { bubbles: true })));
  };
  await type('a long draft');
  await act(() => model.edit(newTurn('the old question', '')));
  expect(area.value).toBe('the old question');
  await act(() => model.edit(null));
  expect(area.value).toBe('a long draft');
  await act(() => model.edit(newTurn('the old question', '')));
  vi.spyOn(model, 'send').mockReturnValue(true);
  await act(() => void node.querySelector('form')!.dispatchEvent(new Event('submit')));
  expect(area.value).toBe('a long draft');
});
