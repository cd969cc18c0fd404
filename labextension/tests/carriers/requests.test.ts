// @vitest-environment node
import { beforeEach, expect, test } from 'vitest';

import { Requests } from '../../src/carriers/requests';
import { failure, json, JupyterServer, settled } from '../jupyter-server';

let server: JupyterServer;
let requests: Requests;

beforeEach(() => {
  server = new JupyterServer();
  requests = new Requests(server.api());
  answer(['r1'], 5);
});

/** Have the server say what runs, and what was used. */
function answer(ids: string[], tokens: unknown, usd?: unknown): void {
  const data = ids.map(id => ({ id, model: 'm', seconds: 1.5, kernel: null }));
  server.answers.set('GET requests', () => json({ data }));
  server.answers.set('GET usage', () => json({ total: { tokens_in: tokens, tokens_out: 1, usd } }));
}

test('says what runs, and what was used', async () => {
  await requests.refresh();
  expect(requests.running).toEqual([{ id: 'r1', model: 'm', seconds: 1.5, isFromNotebook: false }]);
  expect(requests.tokens).toBe(6);
});

test.each([
  [0.5, 0.5],
  [0, 0],
  [null, null],
  [undefined, null],
  ['$5', null]
])('a cost of %s is %s', async (usd, expected) => {
  answer([], 5, usd);
  await requests.refresh();
  expect(requests.usd).toBe(expected);
});

test('an older answer replaces nothing newer', async () => {
  const letGo = server.hold('GET requests');
  const older = requests.refresh();
  await settled();
  answer([], 7);
  const newer = requests.refresh();
  await settled();
  await letGo();
  await Promise.all([older, newer]);
  expect([requests.running, requests.tokens]).toEqual([[], 8]);
});

test('after an answer that failed the next one counts', async () => {
  server.answers.set('GET requests', () => failure('No.', 'x', 500));
  await expect(requests.refresh()).rejects.toThrow('No.');
  answer([], 7);
  await requests.refresh();
  expect(requests.tokens).toBe(8);
});

test('one that has just ended needs no stop; other failures are told', async () => {
  const request = { id: 'r/1', model: null, seconds: 0, isFromNotebook: false };
  const stopping = 'DELETE requests/r%2F1';
  server.answers.set(stopping, () => failure('Gone.', 'request_not_found', 404));
  await requests.stop(request);
  server.answers.set(stopping, () => failure('No.', 'permission_denied', 403));
  await expect(requests.stop(request)).rejects.toThrow('No.');
});
