import { h } from 'preact';
import { act } from 'preact/test-utils';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { SetUp } from '../../src/lab/set-up';
import { ENGLISH } from '../../src/translation';
import { failure, json, JupyterServer } from '../jupyter-server';
import { drawn, redrawn } from '../page';

const done = vi.fn();
let server: JupyterServer;
let node: HTMLElement;
let takeAway: () => Promise<void>;

const embedded = (state: string, bytes = 0, error: string | null = null): Response =>
  json({ embedded: { model: 'small', state, bytes, total_bytes: 100 * 2 ** 20, error } });

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  done.mockReset();
  server = new JupyterServer();
  server.answers.set('GET setup', () => embedded('missing'));
  ({ node, takeAway } = await drawn(h(SetUp, { api: server.api(), words: ENGLISH, done })));
  await redrawn();
});

afterEach(async () => {
  vi.useRealTimers();
  await takeAway();
});

async function click(words: string): Promise<void> {
  const button = [...node.querySelectorAll('button')].find(one => one.textContent.includes(words))!;
  await act(() => button.click());
  await redrawn();
}

async function type(label: string, text: string): Promise<void> {
  const input = [...node.querySelectorAll('label')].find(one => one.textContent.includes(label))!;
  const field = input.querySelector('input')!;
  field.value = text;
  await act(() => void field.dispatchEvent(new Event('input', { bubbles: true })));
}

test('the small model comes with its progress, and is used when it is there', async () => {
  server.answers.set('POST setup/embedded', () => embedded('downloading', 10 * 2 ** 20));
  expect(node.textContent).toContain('100 MB');
  await click('Get the small model');
  expect(node.textContent).toContain('Downloading small: 10 of 100 MB');
  server.answers.set('GET setup', () => embedded('ready', 100 * 2 ** 20));
  await act(() => void vi.advanceTimersByTime(1000));
  await redrawn();
  expect(done).toHaveBeenCalledOnce();
});

test('a download that fails says why, and can be tried again', async () => {
  server.answers.set('POST setup/embedded', () => embedded('failed', 0, 'No <b>index</b>.'));
  await click('Get the small model');
  expect(node.querySelector('[role=alert]')!.textContent).toBe('No <b>index</b>.');
  server.answers.set('POST setup/embedded', () => failure('No engine.', 'engine_missing', 409));
  await click('Get the small model');
  expect(node.querySelector('[role=alert]')!.textContent).toBe('No engine.');
  expect(done).not.toHaveBeenCalled();
});

test.each([
  ['https://api.openai.com/v1', 'openai'],
  ['http://localhost:11434', 'own'],
  ['http://127.0.0.1:8000/v1', 'own'],
  ['nonsense', '']
])('a service at %s is called %j at first', async (address, name) => {
  await click('Connect a service');
  await type('Address', address);
  expect(node.querySelectorAll('input')[2]!.value).toBe(name);
});

test('a service is connected with its key, and what is wrong is said beside it', async () => {
  await click('Connect a service');
  await type('Address', 'https://api.openai.com/v1');
  await type('Key', 'sk-1');
  server.answers.set('POST setup/services', () => failure('Wrong key.', 'x', 400));
  await click('Connect');
  expect(node.querySelector('[role=alert]')!.textContent).toBe('Wrong key.');
  server.answers.set('POST setup/services', () => json({ name: 'openai', models: ['gpt'] }));
  await click('Connect');
  expect(done).toHaveBeenCalledOnce();
  expect(JSON.parse(server.bodies[server.bodies.length - 1]!)).toEqual({
    name: 'openai',
    base_url: 'https://api.openai.com/v1',
    api_key: 'sk-1'
  });
});
