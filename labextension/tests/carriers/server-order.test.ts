/** What overtakes what: a person goes on before the server has answered. */
import { beforeEach, expect, test } from 'vitest';

import { ServerCarrier } from '../../src/carriers/server';
import { ChatModel } from '../../src/model/chat';
import { newTurn, type Turn } from '../../src/protocol-types';
import { chunk, JupyterServer, settled, STATUS, stream, json } from '../jupyter-server';

let server: JupyterServer;
let carrier: ServerCarrier;
let model: ChatModel;

beforeEach(async () => {
  server = new JupyterServer();
  server.keep('a', [turn('in a')]);
  server.keep('b', [turn('in b')]);
  carrier = new ServerCarrier(server.api());
  model = new ChatModel(carrier);
  await settled();
});

function turn(prompt: string): Turn {
  return { ...newTurn(prompt, prompt), state: 'whole', answer: 'Yes' };
}

const shown = (): string[] => model.turns.map(({ prompt }) => prompt);
const written = (): string[] => server.done.filter(kind => /^(POST|PATCH)/.test(kind));

/** Have the next answers hang after their first words. */
function answersHang(): void {
  const hanging = { isWhole: false };
  server.answers.set('POST chat/completions', request => stream([chunk('half')], request, hanging));
}

test('the conversation that was opened last is shown, whichever comes last', async () => {
  const letGo = server.hold('GET conversations/a');
  const opening = carrier.open('a');
  await carrier.open('b');
  await letGo();
  await opening;
  expect(shown()).toEqual(['in b']);
  expect(carrier.current.id).toBe('b');
});

test('a conversation that cannot be read is not missed by whoever has opened another', async () => {
  const letGo = server.hold('GET conversations/gone');
  const opening = carrier.open('gone');
  await carrier.open('b');
  await letGo();
  await expect(opening).resolves.toBeUndefined();
  await expect(carrier.open('gone')).rejects.toThrow('There is no such thing.');
  expect(shown()).toEqual(['in b']);
});

test('a conversation that cannot be read is not taken for an empty one', async () => {
  server.answers.set('GET conversations/a', () => json({ id: 'a', revision: 1, turns: null }));
  await expect(carrier.open('a')).rejects.toThrow('cannot be read');
  expect(carrier.current.id).toBeNull();
});

test('a question stays on the page where it was asked, whatever was still being read', async () => {
  answersHang();
  const letGo = server.hold('GET conversations/a');
  const opening = carrier.open('a');
  model.send('Hi');
  await letGo();
  await opening;
  expect(shown()).toEqual(['Hi']);
  expect(model.isRunning).toBe(true);
});

test('an older answer about the models does not replace a newer one', async () => {
  const letGo = server.hold('GET status');
  const refreshing = carrier.refresh();
  await settled();
  server.answers.set('GET status', () => json({ ...STATUS, models: ['new'] }));
  await carrier.refresh();
  await letGo();
  await refreshing;
  expect(model.setup!.models).toEqual(['new']);
});

test('a conversation on its way into the store is not read from there', async () => {
  answersHang();
  await carrier.open('a');
  model.send('Go on');
  await settled();
  const letGo = server.hold('PATCH conversations/a');
  model.stop();
  await carrier.open('b');
  await carrier.open('a');
  expect(shown()).toEqual(['in a', 'Go on']);
  await letGo();
  expect(server.conversations.get('a')!.turns.at(-1)!.state).toBe('stopped');
  expect([...server.conversations.keys()]).toEqual(['a', 'b']);
});

test('the conversation on the page is read again when it is opened again', async () => {
  await carrier.open('a');
  const { current } = carrier;
  server.keep('a', [turn('in a'), turn('from another window')]);
  await carrier.open('a');
  expect(shown()).toEqual(['in a', 'from another window']);
  expect(carrier.current).toBe(current);
});

test('what comes late of a stopped answer does not get into the next question', async () => {
  const letGo = server.hold('POST chat/completions');
  server.answers.set('POST chat/completions', request =>
    stream([chunk('late')], request, { id: 'late' })
  );
  model.send('one');
  await settled();
  model.stop();
  answersHang();
  model.send('two');
  await settled();
  await letGo();
  expect(carrier.current.turns.map(({ answer, request_id }) => [answer, request_id])).toEqual([
    ['', 'late'],
    ['half', 'req_1']
  ]);
});

test('an answer whose question was taken out of the conversation goes nowhere', async () => {
  answersHang();
  await carrier.open('a');
  model.send('Hi');
  await settled();
  carrier.remove(model.turns.at(-1)!.id);
  model.stop();
  await settled();
  expect(server.conversations.get('a')!.turns.map(({ answer }) => answer)).toEqual(['Yes']);
});

test('a conversation that is deleted while its answer runs stays deleted', async () => {
  answersHang();
  await carrier.open('a');
  model.send('Hi');
  await settled();
  const before = written().length;
  const letGo = server.hold('PATCH conversations/a');
  const deleting = carrier.delete(carrier.current);
  await settled();
  await letGo();
  await deleting;
  await settled();
  expect(written().slice(before)).toEqual([]);
  expect([...server.conversations.keys()]).toEqual(['b']);
  expect([shown(), model.isRunning, carrier.current.id]).toEqual([[], false, null]);
});

test('a conversation is deleted when what is being written of it has arrived', async () => {
  await carrier.open('a');
  const letGo = server.hold('PATCH conversations/a');
  model.remove(model.turns[0]!);
  await settled();
  const deleting = carrier.delete(carrier.current);
  await settled();
  expect(server.done).not.toContain('DELETE conversations/a');
  await letGo();
  await deleting;
  expect(server.done.slice(-2)).toEqual(['PATCH conversations/a', 'DELETE conversations/a']);
  expect([...server.conversations.keys()]).toEqual(['b']);
});

test('the answer of the deleted conversation is stopped, and the one on the page is not', async () => {
  answersHang();
  await carrier.open('a');
  const a = carrier.current;
  model.send('to a');
  await settled();
  await carrier.open('b');
  model.send('to b');
  await settled();
  await carrier.delete(a);
  await settled();
  expect(a.running).toBeNull();
  expect(model.isRunning).toBe(true);
  expect(shown()).toEqual(['in b', 'to b']);
  expect([...server.conversations.keys()]).toEqual(['b']);
});

test('a conversation that another window has deleted is deleted', async () => {
  await carrier.open('a');
  server.conversations.delete('a');
  await carrier.delete(carrier.current);
  expect(carrier.current.id).toBeNull();
});

test('a conversation that cannot be deleted is kept, with its answer as far as it came', async () => {
  answersHang();
  await carrier.open('a');
  model.send('Hi');
  await settled();
  server.answers.set('DELETE conversations/a', () => json({ error: { message: 'No.' } }, 500));
  await expect(carrier.delete(carrier.current)).rejects.toThrow('No.');
  await settled();
  expect(shown()).toEqual(['in a', 'Hi']);
  expect(server.conversations.get('a')!.turns.at(-1)).toMatchObject({
    state: 'stopped',
    answer: 'half'
  });
});

test('a question to a conversation that is being deleted begins a new one', async () => {
  answersHang();
  await carrier.open('a');
  const letGo = server.hold('DELETE conversations/a');
  const deleting = carrier.delete(carrier.current);
  model.send('Hi');
  await letGo();
  await deleting;
  expect(shown()).toEqual(['Hi']);
  expect(model.isRunning).toBe(true);
  expect([...server.conversations].map(([id, { turns }]) => [id, turns.length])).toEqual([
    ['b', 1],
    ['new-1', 1]
  ]);
});

test('a conversation is renamed after what is being written of it, under the id it then has', async () => {
  answersHang();
  const letGo = server.hold('POST conversations');
  model.send('Hi');
  await settled();
  const renaming = carrier.rename(carrier.current, 'A better name');
  await letGo();
  await renaming;
  expect(server.conversations.get('new-1')!.name).toBe('A better name');
  expect(carrier.current.name).toBe('A better name');
});

test('a name of the most characters leaves room for the mark of a copy', async () => {
  answersHang();
  server.keep('long', [turn('x')], 'x'.repeat(200));
  await carrier.open('long');
  server.conversations.get('long')!.revision = 7;
  model.send('Hi');
  await settled();
  const { name } = server.conversations.get('new-1')!;
  expect([name.length, name.slice(-5)]).toEqual([200, 'x (2)']);
});

test('a question of which nothing can be shown still has a conversation', async () => {
  answersHang();
  model.send('\u200b');
  await settled();
  expect(carrier.current).toMatchObject({ id: 'new-1', name: 'New conversation' });
});
