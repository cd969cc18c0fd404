import { h } from 'preact';
import { act } from 'preact/test-utils';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import type { Carrier, CarrierEvent } from '../../src/carriers/carrier';
import { ChatModel } from '../../src/model/chat';
import { LONGEST_WORD } from '../../src/model/plain-text';
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
