import { h } from 'preact';
import { afterEach, beforeEach, expect, test } from 'vitest';

import { ServerCarrier } from '../../src/carriers/server';
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

beforeEach(async () => {
  server = new JupyterServer();
  server.keep('a');
  carrier = new ServerCarrier(server.api());
  model = new ChatModel(carrier);
  const acts = { rename: () => undefined, remove: () => undefined, export: () => undefined };
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
  node.querySelector<HTMLElement>('.aqueduct-menu-list button')!.click();
  await redrawn();
  expect(model.trouble).toBe('There is no such thing.');
});
