import type { IStateDB } from '@jupyterlab/statedb';
import { beforeEach, expect, test, vi } from 'vitest';

import { ServerCarrier } from '../../src/carriers/server';
import { PageShelf } from '../../src/lab/page-shelf';
import { restore } from '../../src/lab/restoring';
import { ChatModel } from '../../src/model/chat';
import { json, JupyterServer, settled, STATUS } from '../jupyter-server';

const save = vi.fn<IStateDB['save']>();
let server: JupyterServer;
let carrier: ServerCarrier;
let model: ChatModel;
let fetched: (kept: unknown) => void;

/** Begin; what was kept comes when the test says so. */
function begin(): Promise<void> {
  const kept = new Promise(resolve => (fetched = resolve));
  const state = { fetch: () => kept, save } as unknown as IStateDB;
  return restore(model, carrier, state, 'key', new PageShelf('/', sessionStorage));
}

beforeEach(() => {
  sessionStorage.clear();
  save.mockReset().mockResolvedValue(undefined);
  server = new JupyterServer();
  server.keep('a');
  server.keep('b');
  server.answers.set('GET status', () => json({ ...STATUS, models: ['m', 'old'] }));
  carrier = new ServerCarrier(server.api());
  model = new ChatModel(carrier);
});

test('the conversation and the model are there again, and are kept', async () => {
  const restoring = begin();
  fetched({ id: 'a', model: 'old' });
  await restoring;
  expect([carrier.current.id, model.model]).toEqual(['a', 'old']);
  model.choice.choose('m');
  expect(save).toHaveBeenLastCalledWith('key', { id: 'a', model: 'm' });
});

test('whoever was faster keeps what they have opened and chosen', async () => {
  const restoring = begin();
  model.choice.choose('m');
  const letGo = server.hold('GET conversations/b/events');
  const opening = carrier.open('b');
  fetched({ id: 'a', model: 'old' });
  await settled();
  await letGo();
  await Promise.all([restoring, opening]);
  expect([carrier.current.id, model.model]).toEqual(['b', 'm']);
});

test('whoever has asked meanwhile keeps their question on the page', async () => {
  const restoring = begin();
  const letGo = server.hold('GET conversations/a/events');
  fetched({ id: 'a' });
  await settled();
  model.send('Hi');
  await letGo();
  await restoring;
  expect(model.turns.map(({ prompt }) => prompt)).toEqual(['Hi']);
});

test.each([undefined, null, 'x', { id: 5, model: ['m'] }])(
  '%j is nothing to restore',
  async kept => {
    const restoring = begin();
    fetched(kept);
    await restoring;
    expect([carrier.current.id, model.choice.isChosen]).toEqual([null, false]);
  }
);

test('one that is gone is told, and what is opened from now on is kept', async () => {
  const restoring = begin();
  fetched({ id: 'gone' });
  await restoring;
  expect(model.trouble).toBe('There is no such thing.');
  await carrier.open('b');
  expect(save).toHaveBeenLastCalledWith('key', expect.objectContaining({ id: 'b' }));
});

test('a page that cannot be kept is told', async () => {
  const restoring = begin();
  fetched(undefined);
  await restoring;
  save.mockRejectedValue(new Error('The disk is full.'));
  await carrier.open('b');
  await settled();
  expect(model.trouble).toBe('The disk is full.');
});

test('what is written before the conversation is there stays in the composer', async () => {
  const restoring = begin();
  fetched({ id: 'a' });
  model.drafts.write('typed at once');
  await restoring;
  expect([carrier.current.id, model.draft.text]).toEqual(['a', 'typed at once']);
  await carrier.open(null);
  expect(model.draft.text).toBe('');
});
