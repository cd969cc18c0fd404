import { h } from 'preact';
import { afterEach, beforeEach, expect, test } from 'vitest';

import type { Carrier, CarrierEvent } from '../../src/carriers/carrier';
import { ChatModel } from '../../src/model/chat';
import type { Setup } from '../../src/protocol-types';
import { ENGLISH } from '../../src/translation';
import { ModelPicker } from '../../src/view/model-picker';
import { drawn, opened, redrawn } from '../page';
import { sample } from '../samples';

/** What the kernel says, too. */
const LABELS = sample<Record<'local' | 'demo', string>>('own-upstreams.json');

let model: ChatModel;
let tell: (event: CarrierEvent) => void;
let takeAway: () => Promise<void>;

beforeEach(() => {
  const connect = (listener: typeof tell): void => void (tell = listener);
  model = new ChatModel({ connect } as unknown as Carrier);
});

afterEach(() => takeAway());

async function picker(setup: Partial<Setup>): Promise<HTMLElement> {
  const limits = { attachment_bytes: 10, attachments_bytes: 20 };
  const all = { models: [], default_model: null, notices: [], limits, ...setup };
  tell({ type: 'setup', setup: all });
  const page = await drawn(h(ModelPicker, { model, words: ENGLISH }));
  ({ takeAway } = page);
  return page.node;
}

test('models are grouped by upstream, and our own are called what they are', async () => {
  const node = await picker({
    models: ['llama', 'gpt', 'smollm2', 'demo/echo', 'main'],
    owners: { llama: 'campus', gpt: 'openai', smollm2: 'local', 'demo/echo': 'demo', main: '' }
  });
  const groups = [...node.querySelectorAll('section')].map(section => [
    section.querySelector('h2')?.textContent,
    ...[...section.querySelectorAll('button')].map(button => button.textContent)
  ]);
  expect(groups).toEqual([
    ['campus', 'llama'],
    ['openai', 'gpt'],
    [LABELS.local, 'smollm2'],
    [LABELS.demo, 'demo/echo'],
    [undefined, 'main']
  ]);
  expect(node.querySelector('[aria-current=true]')!.textContent).toBe('llama');
  expect(node.querySelector('input')).toBeNull();
});

test('many models are searched', async () => {
  const models = Array.from({ length: 12 }, (_, number) => `model-${number}`);
  const node = await picker({ models });
  await opened(node, 'Model: model-0');
  const search = node.querySelector('input')!;
  expect(document.activeElement).toBe(search);
  search.value = 'DEL-11';
  search.dispatchEvent(new Event('input'));
  await redrawn();
  expect([...node.querySelectorAll('button')].map(one => one.textContent)).toEqual(['model-11']);
  search.value = 'nothing like it';
  search.dispatchEvent(new Event('input'));
  await redrawn();
  expect(node.textContent).toContain('Nothing found');
});

test('the arrows move along the list', async () => {
  const node = await picker({ models: ['a', 'b'] });
  await opened(node, 'Model: a');
  const press = (key: string): void => {
    const event = new KeyboardEvent('keydown', { key, bubbles: true });
    (document.activeElement ?? node).dispatchEvent(event);
  };
  node.querySelector<HTMLElement>('summary')!.focus();
  press('ArrowDown');
  press('ArrowDown');
  expect(document.activeElement!.textContent).toBe('b');
  press('ArrowUp');
  expect(document.activeElement!.textContent).toBe('a');
});
