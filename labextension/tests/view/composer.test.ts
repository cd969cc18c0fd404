import { h, render } from 'preact';
import { act } from 'preact/test-utils';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import type { Carrier, CarrierEvent } from '../../src/carriers/carrier';
import { ChatModel } from '../../src/model/chat';
import { LONGEST_WORD } from '../../src/model/plain-text';
import { newTurn, type Part } from '../../src/protocol-types';
import { ENGLISH } from '../../src/translation';
import { Composer } from '../../src/view/composer';
import { drawn } from '../page';

let tell: (event: CarrierEvent) => void;
let model: ChatModel;
let takeAway: () => Promise<void>;

const upload = vi.fn<Carrier['upload']>(() => new Promise(() => undefined));
const carrier = {
  connect: (listener: typeof tell) => (tell = listener),
  upload
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

async function paste(node: HTMLElement, text: string): Promise<Event> {
  const event = new Event('paste', { bubbles: true, cancelable: true });
  Object.assign(event, { clipboardData: { files: [], getData: () => text } });
  await act(() => void node.querySelector('textarea')!.dispatchEvent(event));
  return event;
}

/** The chat around it draws it again after any change. */
async function redraw(node: HTMLElement): Promise<void> {
  await act(() => render(h(Composer, { model, words: ENGLISH }), node));
}

test('a long text that is pasted goes along as an attachment, which can be opened', async () => {
  model = new ChatModel({ ...carrier, takesTexts: true });
  const node = await composer('m');
  expect((await paste(node, 'x'.repeat(49_999))).defaultPrevented).toBe(false);
  expect((await paste(node, 'x'.repeat(60_000))).defaultPrevented).toBe(true);
  await paste(node, 'y'.repeat(60_000));
  await redraw(node);
  const faces = [...node.querySelectorAll<HTMLElement>('.aqueduct-chip-face')];
  expect(faces.map(({ textContent }) => textContent)).toEqual([
    'pasted textabout 15,000 tokens',
    'pasted text 2about 15,000 tokens'
  ]);
  await act(() => faces[1]!.click());
  expect(node.querySelector('dialog pre')!.textContent).toBe('y'.repeat(60_000));
  await act(() => node.querySelector<HTMLElement>("[aria-label='Remove pasted text']")!.click());
  expect(model.draft.contexts.map(({ name }) => name)).toEqual(['pasted text 2']);
});

test('to a kernel, a long text that is pasted goes as a file', async () => {
  const part: Part = { type: 'file', file: { sha256: 'x', filename: 'pasted text.txt' } };
  upload.mockResolvedValue(part);
  const node = await composer('m');
  const limits = { attachment_bytes: 1e6, attachments_bytes: 1e6 };
  tell({ type: 'setup', setup: { models: ['m'], default_model: null, notices: [], limits } });
  await paste(node, 'x'.repeat(60_000));
  await model.draft.attachments.settled();
  expect(model.draft.attachments.parts).toEqual([part]);
});
