/** What overtakes what: a person goes on before the server has answered. */
import { beforeEach, expect, test } from 'vitest';

import { ServerCarrier } from '../../src/carriers/server';
import { ChatModel } from '../../src/model/chat';
import { newTurn, type Turn } from '../../src/protocol-types';
import { events, failure, json, JupyterServer, settled, STATUS } from '../jupyter-server';

let server: JupyterServer;
let carrier: ServerCarrier;
let model: ChatModel;

beforeEach(async () => {
  server = new JupyterServer();
  server.reply = null;
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

test('the conversation that was opened last is shown, whichever comes last', async () => {
  const letGo = server.hold('GET conversations/a/events');
  const opening = carrier.open('a');
  await carrier.open('b');
  await letGo();
  await opening;
  expect(shown()).toEqual(['in b']);
  expect(carrier.current.id).toBe('b');
  expect(server.listening('a')).toBe(0);
});

test('a conversation that cannot be read is not missed by whoever has opened another', async () => {
  const letGo = server.hold('GET conversations/gone/events');
  const opening = carrier.open('gone');
  await carrier.open('b');
  await letGo();
  await expect(opening).resolves.toBeUndefined();
  await expect(carrier.open('gone')).rejects.toThrow('There is no such thing.');
  expect(shown()).toEqual(['in b']);
});

test('a conversation that cannot be read is not taken for an empty one', async () => {
  server.answers.set('GET conversations/a/events', () => events({ type: 'turns', turns: null }));
  await expect(carrier.open('a')).rejects.toThrow('cannot be read');
  expect(carrier.current.id).toBeNull();
});

test('a question stays on the page where it was asked, whatever was still being read', async () => {
  const letGo = server.hold('GET conversations/a/events');
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

test('turns that the server told before it had the question do not take it away', async () => {
  await carrier.open('a');
  const letGo = server.hold('POST conversations/a/turns');
  model.send('Go on');
  server.tellTurns('a');
  await settled();
  expect(shown()).toEqual(['in a', 'Go on']);
  expect(model.isRunning).toBe(true);
  await letGo();
  expect(model.turns.at(-1)!.answer).toBe('half');
});

test('a question that takes the place of others does so before the server knows', async () => {
  await carrier.open('a');
  const letGo = server.hold('POST conversations/a/turns');
  model.again.ask(model.turns[0]!);
  server.tellTurns('a');
  await settled();
  expect(model.turns.map(({ answer }) => answer)).toEqual(['']);
  await letGo();
  expect(model.turns.map(({ answer }) => answer)).toEqual(['half']);
});

test('the conversation on the page is not read again, because it is told what happens', async () => {
  await carrier.open('a');
  const { current } = carrier;
  server.conversations.get('a')!.turns.push(turn('from another window'));
  server.tellTurns('a');
  await carrier.open('a');
  expect(shown()).toEqual(['in a', 'from another window']);
  expect(carrier.current).toBe(current);
  expect(server.done.filter(kind => kind === 'GET conversations/a/events')).toHaveLength(1);
});

test('an answer is stopped after its question has arrived', async () => {
  await carrier.open('a');
  const letGo = server.hold('POST conversations/a/turns');
  model.send('Hi');
  model.stop();
  await settled();
  expect(server.done.some(kind => kind.endsWith('/stop'))).toBe(false);
  await letGo();
  expect(server.conversations.get('a')!.turns.at(-1)!.state).toBe('stopped');
  expect(model.turns.at(-1)!.state).toBe('stopped');
  expect(model.isRunning).toBe(false);
});

test('a question that is removed while its answer runs is gone', async () => {
  await carrier.open('a');
  model.send('Hi');
  await settled();
  carrier.remove(model.turns.at(-1)!.id);
  await settled();
  expect(shown()).toEqual(['in a']);
  expect(model.isRunning).toBe(true);
  server.end('a');
  await settled();
  expect(model.isRunning).toBe(false);
});

test('a conversation that is deleted while its answer runs stays deleted', async () => {
  await carrier.open('a');
  model.send('Hi');
  await settled();
  await carrier.delete(carrier.current);
  await settled();
  expect([...server.conversations.keys()]).toEqual(['b']);
  expect([shown(), model.isRunning, carrier.current.id]).toEqual([[], false, null]);
  expect(model.trouble).toBeNull();
});

test('a conversation is deleted when what is on its way to the server has arrived', async () => {
  await carrier.open('a');
  const id = model.turns[0]!.id;
  const letGo = server.hold(`DELETE conversations/a/turns/${id}`);
  model.back.remove(model.turns[0]!);
  await settled();
  const deleting = carrier.delete(carrier.current);
  await settled();
  expect(server.done).not.toContain('DELETE conversations/a');
  await letGo();
  await deleting;
  expect(server.done.slice(-2)).toEqual([
    `DELETE conversations/a/turns/${id}`,
    'DELETE conversations/a'
  ]);
});

test('the one on the page stays when another is deleted', async () => {
  await carrier.open('a');
  const a = carrier.current;
  model.send('to a');
  await settled();
  await carrier.open('b');
  model.send('to b');
  await settled();
  await carrier.delete(a);
  await settled();
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

test('a conversation that cannot be deleted is kept, and its answer goes on', async () => {
  await carrier.open('a');
  model.send('Hi');
  await settled();
  server.answers.set('DELETE conversations/a', () => json({ error: { message: 'No.' } }, 500));
  await expect(carrier.delete(carrier.current)).rejects.toThrow('No.');
  server.say('a', ' more');
  await settled();
  expect(shown()).toEqual(['in a', 'Hi']);
  expect(model.turns.at(-1)!.answer).toBe('half more');
});

test('a question to a conversation that is being deleted begins a new one', async () => {
  await carrier.open('a');
  const letGo = server.hold('DELETE conversations/a');
  const deleting = carrier.delete(carrier.current);
  model.send('Hi');
  expect(shown()).toEqual(['Hi']);
  await letGo();
  await deleting;
  expect(shown()).toEqual(['Hi']);
  expect(model.isRunning).toBe(true);
  expect([...server.conversations].map(([id, { turns }]) => [id, turns.length])).toEqual([
    ['b', 1],
    ['new-1', 1]
  ]);
});

test('a conversation is renamed after it has been created, under the id it then has', async () => {
  const letGo = server.hold('POST conversations');
  model.send('Hi');
  await settled();
  const renaming = carrier.rename(carrier.current, 'A better name');
  await letGo();
  await renaming;
  expect(server.conversations.get('new-1')!.name).toBe('A better name');
  expect(carrier.current.name).toBe('A better name');
});

test('a question that is on its way when another conversation is opened is asked all the same', async () => {
  const letGo = server.hold('POST conversations');
  model.send('Hi');
  await settled();
  await carrier.open('b');
  await letGo();
  expect(server.conversations.get('new-1')!.turns).toHaveLength(1);
  expect(shown()).toEqual(['in b']);
  expect(server.listening('new-1')).toBe(0);
});

test('a question of which nothing can be shown still has a conversation', async () => {
  model.send('\u200b');
  await settled();
  expect(carrier.current).toMatchObject({ id: 'new-1', name: 'New conversation' });
});

test('no word is lost of what another window asked at the same moment', async () => {
  await carrier.open('a');
  const letGo = server.hold('POST conversations/a/turns');
  model.send('Mine');
  await settled();
  server.ask('a', 'Theirs');
  server.say('a', ' and half');
  await settled();
  expect(model.turns.at(-1)!.prompt).toBe('Mine');
  await letGo();
  const answers = (): string[] => model.turns.map(({ prompt, answer }) => `${prompt}: ${answer}`);
  expect(answers()).toEqual(['in a: Yes', 'Theirs: half and half']);
  expect(model.queue.items.map(({ prompt }) => prompt)).toEqual(['Mine']);
  server.say('a', ' more');
  server.end('a');
  await settled();
  expect(answers()).toEqual(['in a: Yes', 'Theirs: half and half more', 'Mine: half']);
});

test('no word is lost of an answer that an edited question hides until it is refused', async () => {
  server.keep('a', [turn('one'), turn('two')]);
  await carrier.open('a');
  const letGo = server.hold('POST conversations/a/turns');
  model.edit(model.turns[1]!);
  model.send('two, better');
  await settled();
  server.ask('a', 'Theirs');
  server.say('a', ' and half');
  await settled();
  expect(shown()).toEqual(['one', 'two, better']);
  await letGo();
  server.say('a', ' more');
  await settled();
  expect(shown()).toEqual(['one', 'two', 'Theirs']);
  expect(model.turns.at(-1)!.answer).toBe('half and half more');
  expect(model.queue.items.map(({ prompt }) => prompt)).toEqual(['two, better']);
});

test('what another window asked ends, too, while a question is on its way', async () => {
  await carrier.open('a');
  const letGo = server.hold('POST conversations/a/turns');
  model.send('Mine');
  await settled();
  server.ask('a', 'Theirs');
  server.end('a');
  await settled();
  expect(model.turns.map(({ state }) => state)).toEqual(['whole', 'whole', 'running']);
  expect(model.isRunning).toBe(true);
  await letGo();
  expect(model.turns.map(({ answer }) => answer)).toEqual(['Yes', 'half', 'half']);
});

test('turns that a refused question had taken the place of are there again', async () => {
  server.keep('a', [turn('one'), turn('two'), turn('three')]);
  await carrier.open('a');
  const letGo = server.hold('POST conversations/a/turns');
  server.answers.set('POST conversations/a/turns', () => failure('No.', 'policy', 403));
  model.edit(model.turns[1]!);
  model.send('two, better');
  await settled();
  expect(shown()).toEqual(['one', 'two, better']);
  // What the server tells meanwhile does not lose them either.
  const [first] = server.conversations.get('a')!.turns;
  const ids = server.conversations.get('a')!.turns.map(({ id }) => id);
  server.tell('a', { type: 'turns', ids, turns: [first], running: null, answering: null });
  await settled();
  expect(shown()).toEqual(['one', 'two, better']);
  await letGo();
  expect(shown()).toEqual(['one', 'two', 'three', 'two, better']);
  expect(model.turns.at(-1)).toMatchObject({ state: 'failed', error: 'No.' });
  model.again.ask(model.turns.at(-1)!);
  await settled();
  expect(shown()).toEqual(['one', 'two', 'three', 'two, better']);
});
