/** What a silent model and waiting questions look like. */
import { h } from 'preact';
import { act } from 'preact/test-utils';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { ServerCarrier } from '../../src/carriers/server';
import { ChatModel } from '../../src/model/chat';
import { ENGLISH } from '../../src/translation';
import { Chat } from '../../src/view/chat';
import { JupyterServer } from '../jupyter-server';
import { drawn, redrawn } from '../page';

const typesetter = { highlight: () => undefined, typeset: () => undefined };
let server: JupyterServer;
let carrier: ServerCarrier;
let model: ChatModel;
let node: HTMLElement;
let takeAway: () => Promise<void>;

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'Date'] });
  server = new JupyterServer();
  server.reply = null;
  server.keep('a');
  carrier = new ServerCarrier(server.api());
  model = new ChatModel(carrier);
  ({ node, takeAway } = await drawn(h(Chat, { model, words: ENGLISH, typesetter })));
  await carrier.open('a');
  await redrawn();
});

afterEach(async () => {
  await takeAway();
  model.dispose();
  vi.useRealTimers();
});

async function ask(words: string): Promise<void> {
  model.send(words);
  await redrawn();
}

async function pass(seconds: number): Promise<void> {
  await act(() => {
    vi.advanceTimersByTime(seconds * 1000);
  });
  await redrawn();
}

const silence = (): string => node.querySelector('.aqueduct-silence')?.textContent ?? '';

function button(label: string): HTMLButtonElement {
  const found = [...node.querySelectorAll('button')].find(
    other => other.getAttribute('aria-label') === label || other.textContent === label
  );
  return found!;
}

test('a silent model is named with the seconds, and can be stopped', async () => {
  const letGo = server.hold('POST conversations/a/turns');
  await ask('Hi');
  await pass(2);
  expect(silence()).toBe('');
  await pass(3);
  expect(silence()).toBe('Waiting for m · 5 sStop');
  button('Stop').click();
  await act(letGo);
  await redrawn();
  expect(server.conversations.get('a')!.turns[0]!.state).toBe('stopped');
  expect(silence()).toBe('');
});

test('words end the silence, until none have come for longer', async () => {
  await ask('Hi');
  await pass(5);
  expect(silence()).toBe('');
  server.say('a', ' more');
  await redrawn();
  await pass(9);
  expect(silence()).toBe('');
  await pass(2);
  expect(silence()).toBe('Waiting for m · 11 sStop');
});

test('questions wait above the composer', async () => {
  await ask('one');
  await ask('two');
  await ask('three');
  const items = (): (string | null)[] =>
    [...node.querySelectorAll('.aqueduct-queue li > span:first-child')].map(
      item => item.textContent
    );
  expect(items()).toEqual(['two', 'three']);
  button('Edit this waiting question').click();
  await redrawn();
  const area = node.querySelector<HTMLTextAreaElement>('.aqueduct-queue textarea')!;
  area.value = 'two, better';
  area.dispatchEvent(new Event('input', { bubbles: true }));
  await redrawn();
  area.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true }));
  await redrawn();
  expect(items()).toEqual(['two, better', 'three']);
  server.end('a', { state: 'failed', error: 'No.' });
  await redrawn();
  expect(node.querySelector('.aqueduct-queue')!.textContent).toContain('These questions wait:');
  button('Send now').click();
  await redrawn();
  expect(server.conversations.get('a')!.turns.map(({ prompt }) => prompt)).toEqual([
    'one',
    'two, better'
  ]);
  expect(items()).toEqual(['three']);
  button('Remove this waiting question').click();
  await redrawn();
  expect(node.querySelector('.aqueduct-queue')).toBeNull();
});

test('a question that crosses another on its way is asked after it', async () => {
  const letGo = server.hold('POST conversations/a/turns');
  await ask('mine');
  server.ask('a', 'theirs');
  await redrawn();
  await act(letGo);
  await redrawn();
  expect(model.queue.items.map(({ prompt }) => prompt)).toEqual(['mine']);
  expect(model.turns.map(({ prompt }) => prompt)).toEqual(['theirs']);
  expect(model.isRunning).toBe(true);
  server.end('a');
  await redrawn();
  expect(model.turns.map(({ prompt }) => prompt)).toEqual(['theirs', 'mine']);
});
