import { h } from 'preact';
import { act } from 'preact/test-utils';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { ServerCarrier } from '../../src/carriers/server';
import type { Acts } from '../../src/lab/conversation-list';
import { Header } from '../../src/lab/header';
import { ChatModel } from '../../src/model/chat';
import { ENGLISH } from '../../src/translation';
import { failure, json, JupyterServer } from '../jupyter-server';
import { drawn, opened, redrawn } from '../page';

let server: JupyterServer;
let carrier: ServerCarrier;
let model: ChatModel;
let node: HTMLElement;
let takeAway: () => Promise<void>;

const acts: Acts = {
  rename: () => Promise.resolve(),
  pin: () => Promise.resolve(),
  remove: () => Promise.resolve(),
  export: () => Promise.resolve()
};

beforeEach(async () => {
  server = new JupyterServer();
  server.keep('a');
  carrier = new ServerCarrier(server.api());
  model = new ChatModel(carrier);
  ({ node, takeAway } = await drawn(h(Header, { carrier, words: ENGLISH, acts })));
});

afterEach(() => takeAway());

const listed = (): (string | null | undefined)[] =>
  [...node.querySelectorAll('.aqueduct-menu-list button > span')].map(name => name.textContent);

test('a list that fails is said in a sentence', async () => {
  server.answers.set('GET conversations', () => failure('The store is locked.', 'x', 500));
  await opened(node, 'Conversations');
  expect(model.trouble).toBe('The store is locked.');
});

test('a list that is not JSON is said in a sentence', async () => {
  server.answers.set('GET conversations', () => new Response('<html>Log in</html>'));
  await opened(node, 'Conversations');
  expect(model.trouble).toBe(
    'The Jupyter server sent something that cannot be read. Reload the page.'
  );
});

test('what was looked for last is listed, whichever comes last', async () => {
  await opened(node, 'Conversations');
  expect(listed()).toEqual(['a']);
  const search = node.querySelector('input')!;
  const look = (text: string): void => {
    search.value = text;
    search.dispatchEvent(new Event('input'));
  };
  const letGo = server.hold('GET conversations');
  look('old');
  await redrawn();
  server.answers.set('GET conversations', () => json({ data: [{ id: 'n', name: 'new' }] }));
  look('new');
  await redrawn();
  await letGo();
  await redrawn();
  expect(listed()).toEqual(['new']);
});

test('a list that is closed while it opens does no harm', async () => {
  const errors: string[] = [];
  const onError = ({ message }: ErrorEvent): number => errors.push(message);
  window.addEventListener('error', onError);
  const list = node.querySelector('details')!;
  const toggled = new Promise(resolve => {
    list.addEventListener('toggle', resolve, { once: true });
  });
  list.open = true;
  await takeAway();
  await toggled;
  window.removeEventListener('error', onError);
  expect(errors).toEqual([]);
});

test('a conversation that cannot be opened is said in a sentence', async () => {
  await opened(node, 'Conversations');
  server.conversations.delete('a');
  node.querySelector<HTMLElement>('.aqueduct-row button')!.click();
  await redrawn();
  expect(model.trouble).toBe('There is no such thing.');
});

test('the list is in groups, with the pinned first, and its rows act', async () => {
  const day = 86_400;
  const now = Date.now() / 1000;
  const data = [
    { id: 'n', name: 'new', updated_at: now },
    { id: 'p', name: 'pinned', updated_at: now - 400 * day, is_pinned: true },
    { id: 'o', name: 'old', updated_at: now - 3 * day }
  ];
  server.answers.set('GET conversations', () => json({ data }));
  await opened(node, 'Conversations');
  expect(document.activeElement).toBe(node.querySelector('input[type=search]'));
  expect([...node.querySelectorAll('h2')].map(title => title.textContent)).toEqual([
    'Pinned',
    'Today',
    'The last 7 days'
  ]);
  expect(listed()).toEqual(['pinned', 'new', 'old']);
  const act = (label: string): HTMLElement | null =>
    node.querySelector(`.aqueduct-row [aria-label='${label}']`);
  expect(act('Delete…')).toBeNull();
  node.querySelectorAll<HTMLElement>('.aqueduct-row button')[2]!.focus();
  await redrawn();
  const renamed = vi.spyOn(acts, 'rename');
  act('Rename…')!.click();
  expect(renamed.mock.calls[0]![0]).toMatchObject({ id: 'o', name: 'old' });
});

test('several are selected and deleted together', async () => {
  server.keep('b');
  const removed = vi.spyOn(acts, 'remove');
  await opened(node, 'Conversations');
  node.querySelector<HTMLElement>("[aria-label='Select several']")!.click();
  await redrawn();
  node.querySelector<HTMLElement>("[aria-label='Select b']")!.click();
  await redrawn();
  expect(node.textContent).toContain('1 selected');
  const [all, remove] = node.querySelectorAll<HTMLElement>('.aqueduct-list-bar button');
  all!.click();
  await redrawn();
  remove!.click();
  expect(removed.mock.calls[0]![0].map(({ id }) => id)).toEqual(['a', 'b']);
});

test('of a long list the beginning is drawn at once, and the rest follows', async () => {
  const data = Array.from({ length: 500 }, (_, number) => ({
    id: `c${number}`,
    name: `Talk ${number}`,
    is_pinned: number === 499
  }));
  server.answers.set('GET conversations', () => json({ data }));
  const letGo = server.hold('GET conversations');
  await opened(node, 'Conversations');
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  await letGo();
  await redrawn();
  const first = listed().length;
  expect(first).toBeLessThan(100);
  expect(listed().slice(0, 2)).toEqual(['Talk 499', 'Talk 0']);
  for (let step = 0; step < 10; step++) {
    await act(() => void vi.advanceTimersByTime(50));
  }
  vi.useRealTimers();
  expect(listed()).toHaveLength(500);
});
