/** What was not sent yet, over a reload of the page. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { ServerCarrier } from '../../src/carriers/server';
import { PageShelf } from '../../src/lab/page-shelf';
import { ChatModel } from '../../src/model/chat';
import { newTurn, type Part } from '../../src/protocol-types';
import { JupyterServer, settled } from '../jupyter-server';

const FILE: Part = { type: 'file', file: { file_id: 'file-1', filename: 'a.csv' } };
const DEBOUNCE_MS = 500;

let server: JupyterServer;
let pages: { model: ChatModel; carrier: ServerCarrier }[];

/** Load the page, and open a conversation. */
async function load(id: string | null = null): Promise<(typeof pages)[0]> {
  const carrier = new ServerCarrier(server.api());
  vi.spyOn(carrier, 'upload').mockImplementation(file =>
    file.name === 'slow.csv' ? new Promise(() => undefined) : Promise.resolve(FILE)
  );
  const model = new ChatModel(carrier);
  pages.push({ model, carrier });
  if (id !== null) {
    await carrier.open(id);
  }
  model.drafts.use(new PageShelf('/base/', sessionStorage));
  await settled();
  return pages.at(-1)!;
}

async function reload(id: string | null = null): Promise<(typeof pages)[0]> {
  window.dispatchEvent(new Event('pagehide'));
  pages.at(-1)!.model.dispose();
  return load(id);
}

beforeEach(() => {
  sessionStorage.clear();
  pages = [];
  server = new JupyterServer();
  server.keep('a', [{ ...newTurn('Hi', 'Hi'), state: 'whole' }]);
  server.keep('b');
});

afterEach(() => {
  pages.forEach(({ model }) => model.dispose());
  vi.useRealTimers();
});

test('a draft and what goes along with it come back, and go once they are sent', async () => {
  const { model } = await load('a');
  model.drafts.write('half a quest');
  model.draft.add({ kind: 'error', name: 'error in In[1]', text: '1/0' });
  await model.draft.attachments.add(new File(['xyz'], 'a.csv'), 'data/a.csv');
  const { model: again } = await reload('a');
  expect(again.draft.text).toBe('half a quest');
  expect(again.draft.contexts).toMatchObject([{ kind: 'error', text: '1/0' }]);
  expect(again.draft.attachments.items).toMatchObject([
    { name: 'a.csv', bytes: 3, from: 'data/a.csv', part: FILE, file: null }
  ]);
  expect(again.sendDraft()).toBe(true);
  await settled();
  const [asked] = server.asked(/POST conversations\/a\/turns/);
  expect(asked!.content).toContainEqual(FILE);
  const { model: third } = await reload('a');
  expect(third.draft.isEmpty).toBe(true);
  expect(sessionStorage).toHaveLength(0);
});

test('each conversation has its own, the new one too', async () => {
  const { model, carrier } = await load();
  model.drafts.write('for a new one');
  await carrier.open('a');
  expect(model.draft.text).toBe('');
  model.drafts.write('for a');
  model.draft.add({ name: 'cell', text: '1' });
  await carrier.open(null);
  expect([model.draft.text, model.draft.contexts]).toEqual(['for a new one', []]);
  const { model: again, carrier: other } = await reload('a');
  expect([again.draft.text, again.draft.contexts.length]).toEqual(['for a', 1]);
  await other.open(null);
  expect(again.draft.text).toBe('for a new one');
});

test('what is written while a new conversation is made belongs to it', async () => {
  const { model, carrier } = await load();
  model.send('first');
  model.drafts.write('and then');
  await settled();
  const { id } = carrier.current;
  expect(id).not.toBeNull();
  const { model: again, carrier: other } = await reload(id);
  expect(again.draft.text).toBe('and then');
  await other.open(null);
  expect(again.draft.text).toBe('');
});

test('waiting questions come back, and are sent when the answer is complete', async () => {
  server.reply = null;
  const { model } = await load('a');
  model.send('one');
  await settled();
  await model.draft.attachments.add(new File(['x'], 'a.csv'));
  model.send('two');
  expect(model.queue.items).toHaveLength(1);
  const { model: again } = await reload('a');
  expect(again.queue.items).toMatchObject([{ prompt: 'two', files: [FILE] }]);
  expect(again.isRunning).toBe(true);
  server.reply = 'Yes';
  server.end('a');
  await settled();
  expect(again.queue.items).toEqual([]);
  expect(server.conversations.get('a')!.turns.map(({ prompt }) => prompt)).toEqual([
    'Hi',
    'one',
    'two'
  ]);
});

/** Two tabs, of which one is a copy of the other, with a question that waits in both. */
async function duplicate(): Promise<ChatModel[]> {
  server.reply = null;
  const { model } = await load('a');
  model.send('one');
  await settled();
  model.send('two');
  window.dispatchEvent(new Event('pagehide'));
  const { model: copy } = await load('a');
  expect(copy.queue.items).toEqual(model.queue.items);
  return [model, copy];
}

test('a question that waits in two copies of a tab is asked once', async () => {
  const [model, copy] = await duplicate();
  server.end('a');
  await settled();
  expect(server.asked(/POST conversations\/a\/turns/)).toHaveLength(3);
  server.say('a', ' more');
  server.end('a');
  await settled();
  for (const tab of [model!, copy!]) {
    expect(tab.turns.map(({ prompt }) => prompt)).toEqual(['Hi', 'one', 'two']);
    expect(tab.turns.at(-1)).toMatchObject({ answer: 'half more', state: 'whole' });
    expect([tab.queue.items, tab.isRunning, tab.trouble]).toEqual([[], false, null]);
  }
});

test('a question that one copy of a tab has sent waits no longer in the other', async () => {
  const [model, copy] = await duplicate();
  server.end('a', { state: 'stopped' });
  await settled();
  expect(copy!.queue.items).toHaveLength(1);
  model!.sendNext();
  await settled();
  expect(copy!.queue.items).toEqual([]);
  copy!.sendNext();
  await settled();
  expect(server.conversations.get('a')!.turns.map(({ prompt }) => prompt)).toEqual([
    'Hi',
    'one',
    'two'
  ]);
});

test('what the other copy sent before this one was loaded is not asked again', async () => {
  const { model } = await load('a');
  const [turn] = server.conversations.get('a')!.turns;
  model.queue.restore([{ id: turn!.id, prompt: 'sent', files: [], contexts: [] }]);
  model.sendNext();
  await settled();
  expect(model.queue.items).toEqual([]);
  expect(model.isRunning).toBe(false);
  expect(server.conversations.get('a')!.turns).toHaveLength(1);
});

test('a file that was not uploaded is named when the page is there again', async () => {
  const { model } = await load('a');
  model.draft.attachments.add(new File(['x'], 'slow.csv')).catch(() => undefined);
  const { model: again } = await reload('a');
  expect(again.draft.attachments.items).toEqual([]);
  expect(again.trouble).toBe('This was lost when the page was loaded again: slow.csv');
});

test('a long text is written once, when the typing pauses', async () => {
  const { model } = await load('a');
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const write = vi.spyOn(Storage.prototype, 'setItem');
  const long = 'x'.repeat(1_000_000);
  for (let key = 0; key < 20; key++) {
    model.drafts.write(long + 'y'.repeat(key));
    vi.advanceTimersByTime(DEBOUNCE_MS - 100);
  }
  expect(write).not.toHaveBeenCalled();
  vi.advanceTimersByTime(DEBOUNCE_MS);
  expect(write).toHaveBeenCalledOnce();
  write.mockRestore();
});

test('what is too much for the browser is named instead of kept', async () => {
  const { model } = await load('a');
  model.drafts.write('the first words, and 3 MB more');
  const full = vi.spyOn(Storage.prototype, 'setItem').mockImplementationOnce(() => {
    throw new DOMException('full', 'QuotaExceededError');
  });
  window.dispatchEvent(new Event('pagehide'));
  full.mockRestore();
  const { model: again } = await load('a');
  expect(again.draft.text).toBe('');
  expect(again.trouble).toContain('the first words, and 3 MB more');
});

test.each(['', 'null', '[]', '{', '{"queue":[5,{}],"files":[{}],"contexts":["x"],"text":5}'])(
  'nothing comes back of %j, which is not ours',
  async text => {
    sessionStorage.setItem('aqueduct-jupyter:unsent:/base/:a', text);
    const { model } = await load('a');
    expect([model.draft.isEmpty, model.queue.items, model.trouble]).toEqual([true, [], null]);
  }
);
