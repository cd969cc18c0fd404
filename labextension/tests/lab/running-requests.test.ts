import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { Requests } from '../../src/carriers/requests';
import { RunningRequests } from '../../src/lab/running-requests';
import { ENGLISH } from '../../src/translation';
import { failure, json, JupyterServer, settled } from '../jupyter-server';

let server: JupyterServer;
let list: RunningRequests;
const onLook = vi.fn<() => void>();

beforeEach(async () => {
  server = new JupyterServer();
  const data = [{ id: 'r1', model: 'gpt-4', seconds: 2.4, kernel: 'k' }];
  server.answers.set('GET requests', () => json({ data }));
  server.answers.set('GET usage', () => json({ total: { tokens_in: 1, tokens_out: 1 } }));
  list = new RunningRequests(new Requests(server.api()), ENGLISH, onLook);
  await settled();
});

afterEach(() => list.dispose());

const said = (): string => list.node.textContent;

test('lists what runs, and says a failure instead of nothing', async () => {
  expect(said()).toBe('gpt-4 · 2 s · from a notebookStop');
  expect(onLook).toHaveBeenCalled();
  server.answers.set('DELETE requests/r1', () => failure('You may not.', 'x', 403));
  list.node.querySelector('button')!.click();
  await settled();
  expect(list.node.querySelector('[role=alert]')!.textContent).toBe('You may not.');
});

test('a stopped request is gone at once', async () => {
  server.answers.set('DELETE requests/r1', () => json({ stopped: true }));
  server.answers.set('GET requests', () => json({ data: [] }));
  list.node.querySelector('button')!.click();
  await settled();
  expect(said()).toBe('No running requests.');
});

test('a server that is gone is not taken for one where nothing runs', async () => {
  list.dispose();
  server.answers.set('GET requests', () => failure('The store is locked.', 'x', 500));
  list = new RunningRequests(new Requests(server.api()), ENGLISH, onLook);
  await settled();
  expect(said()).toBe('The store is locked.');
});

test('nobody looks again once it is closed', async () => {
  vi.useFakeTimers();
  list.dispose();
  const asked = server.done.length;
  await vi.advanceTimersByTimeAsync(60_000);
  vi.useRealTimers();
  expect(server.done).toHaveLength(asked);
});
