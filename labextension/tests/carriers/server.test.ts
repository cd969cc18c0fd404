import { ServerConnection } from '@jupyterlab/services';
import { beforeEach, expect, test, vi } from 'vitest';

import { Api } from '../../src/carriers/api';
import { ServerCarrier } from '../../src/carriers/server';
import { ChatModel } from '../../src/model/chat';
import { failure, json, JupyterServer, settled, STATUS } from '../jupyter-server';

let server: JupyterServer;
let carrier: ServerCarrier;
let model: ChatModel;

beforeEach(() => {
  server = new JupyterServer();
  const upstreams = [{ name: 'dead', answers: false, error: 'dead does not answer.' }];
  server.answers.set('GET status', () => json({ ...STATUS, upstreams }));
  carrier = new ServerCarrier(server.api());
  model = new ChatModel(carrier);
});

const answers = (): string[] => model.turns.map(({ answer }) => answer);

async function ask(prompt: string): Promise<void> {
  model.send(prompt);
  await settled();
}

test('the setup says what there is, and which upstream fails', async () => {
  await vi.waitFor(() => expect(model.setup).not.toBeNull());
  expect(model.choice.models).toEqual(['m']);
  expect(model.setup!.notices).toEqual(['dead does not answer.']);
});

test('a question goes to the server, which answers it', async () => {
  carrier.system = 'Be brief.';
  carrier.facts = () => 'It is a notebook.';
  model.draft.add({ name: 'df', text: 'a table' });
  await settled();
  await ask('Hi\nthere');
  await ask('two');
  expect(server.asked(/^POST conversations$/)).toMatchObject([{ name: 'Hi' }]);
  const [first, second] = server.asked(/turns$/);
  expect(first).toMatchObject({
    id: model.turns[0]!.id,
    prompt: 'Hi\nthere',
    content: [
      { type: 'text', text: '<df>\na table\n</df>' },
      { type: 'text', text: 'Hi\nthere' }
    ],
    model: 'm',
    before: null,
    continues: false,
    system: 'Be brief.',
    facts: 'It is a notebook.'
  });
  expect(second).toMatchObject({ prompt: 'two', content: 'two' });
  expect(server.done.filter(kind => kind.startsWith('PATCH'))).toEqual([]);
  expect(model.turns.map(({ state, answer }) => [state, answer])).toEqual([
    ['whole', 'Yes'],
    ['whole', 'Yes']
  ]);
  expect(model.isRunning).toBe(false);
});

test('an answer grows by the pieces that the server tells', async () => {
  server.reply = null;
  await ask('Hi');
  server.say('new-1', ' and');
  server.say('new-1', ' half');
  await settled();
  expect(answers()).toEqual(['half and half']);
  expect(model.isRunning).toBe(true);
  server.end('new-1', { state: 'whole', notes: ['page 2 is a picture'], tokens_out: 3 });
  await settled();
  expect(model.turns[0]).toMatchObject({ notes: ['page 2 is a picture'], tokens_out: 3 });
  expect(model.isRunning).toBe(false);
});

test('stopping is shown at once, and what came after the click is not lost', async () => {
  server.reply = null;
  await ask('Hi');
  const letGo = server.hold(`POST conversations/new-1/turns/${model.turns[0]!.id}/stop`);
  model.stop();
  expect(model.turns[0]).toMatchObject({ answer: 'half', state: 'stopped' });
  server.say('new-1', ' and more');
  server.tellTurns('new-1');
  await settled();
  expect([model.isRunning, model.turns[0]!.state]).toEqual([false, 'stopped']);
  await letGo();
  expect(model.turns[0]).toMatchObject({ answer: 'half and more', state: 'stopped' });
  expect(server.conversations.get('new-1')!.turns[0]!.state).toBe('stopped');
});

test('a question that is asked right after a stop gets its own answer only', async () => {
  server.reply = null;
  await ask('one');
  const letGo = server.hold(`POST conversations/new-1/turns/${model.turns[0]!.id}/stop`);
  model.stop();
  model.send('two');
  server.say('new-1', ' late');
  await settled();
  await letGo();
  expect(answers()).toEqual(['half late', 'half']);
  expect(model.turns.map(({ state }) => state)).toEqual(['stopped', 'running']);
});

test('an answer that is stopped elsewhere is stopped here', async () => {
  server.reply = null;
  await ask('Hi');
  server.end('new-1', { state: 'stopped' });
  await settled();
  expect([model.isRunning, model.turns[0]!.state]).toEqual([false, 'stopped']);
});

test('a question that the server does not take is kept with its reason, and can be sent again', async () => {
  server.keep('a');
  await carrier.open('a');
  server.answers.set('POST conversations/a/turns', () =>
    failure('No.', 'storage_unavailable', 503)
  );
  await ask('Hi');
  const failed = { state: 'failed', error: 'No.', error_code: 'storage_unavailable' };
  expect(model.turns[0]).toMatchObject({ ...failed, request_id: 'req_1' });
  server.tellTurns('a');
  await settled();
  expect(model.turns).toHaveLength(1);
  server.answers.clear();
  model.again.ask(model.turns[0]!);
  await settled();
  expect(answers()).toEqual(['Yes']);
  expect(server.conversations.get('a')!.turns).toHaveLength(1);
});

test('a question that nobody can be asked can be removed', async () => {
  await settled();
  server.isGone = true;
  await ask('Hi');
  expect(model.turns[0]).toMatchObject({ error: 'The Jupyter server does not answer.' });
  model.back.remove(model.turns[0]!);
  expect(carrier.current.shown).toMatchObject({ ids: [] });
});

test('an answer goes on with one that failed', async () => {
  server.reply = null;
  await ask('Hi');
  server.end('new-1', { state: 'failed', error: 'No.' });
  await settled();
  expect(model.again.canContinue(model.turns[0]!)).toBe(true);
  model.again.goOn(model.turns[0]!);
  await settled();
  expect(server.asked(/turns$/)[1]).toMatchObject({ continues: true, before: null });
});

test('what others do in the conversation is seen', async () => {
  await ask('mine');
  server.reply = null;
  server.ask('new-1', 'theirs');
  await settled();
  expect(model.turns.map(({ prompt }) => prompt)).toEqual(['mine', 'theirs']);
  expect(model.isRunning).toBe(true);
  server.say('new-1', '!');
  await settled();
  expect(answers()).toEqual(['Yes', 'half!']);
  const [mine] = model.turns;
  server.end('new-1');
  server.tellTurns('new-1');
  await settled();
  expect(model.turns[0]).toBe(mine);
  model.back.remove(model.turns[0]!);
  await settled();
  expect(server.conversations.get('new-1')!.turns.map(({ prompt }) => prompt)).toEqual(['theirs']);
});

test('a running answer that was asked elsewhere is stopped here', async () => {
  server.reply = null;
  server.keep('a');
  server.ask('a', 'theirs');
  await carrier.open('a');
  expect(model.isRunning).toBe(true);
  model.stop();
  await settled();
  expect(server.conversations.get('a')!.turns[0]!.state).toBe('stopped');
});

test('a conversation that is deleted elsewhere leaves the page, and says why', async () => {
  server.keep('a');
  await carrier.open('a');
  server.conversations.delete('a');
  server.tell('a', { type: 'deleted' });
  await settled();
  expect(carrier.current.id).toBeNull();
  expect(model.trouble).toBe('This conversation was deleted in another window.');
});

test('a name that is given elsewhere is the name here', async () => {
  server.keep('a');
  await carrier.open('a');
  const opened = vi.fn();
  carrier.opened.connect(opened);
  server.tell('a', { type: 'renamed', name: 'Other' });
  await settled();
  expect(carrier.current.name).toBe('Other');
  expect(opened).toHaveBeenCalled();
});

test('an answer goes on while another conversation is shown', async () => {
  server.reply = null;
  await ask('Hi');
  await carrier.open(null);
  expect([model.turns.length, model.isRunning]).toEqual([0, false]);
  expect(server.listening('new-1')).toBe(0);
  server.say('new-1', ' and');
  await carrier.open('new-1');
  expect([answers(), model.isRunning]).toEqual([['half and'], true]);
  server.say('new-1', ' half');
  await settled();
  expect(answers()).toEqual(['half and half']);
});

test('a page that goes leaves its answer alone', async () => {
  server.reply = null;
  await ask('Hi');
  model.dispose();
  await settled();
  expect(server.listening('new-1')).toBe(0);
  expect(server.conversations.get('new-1')!.running).not.toBeNull();
});

test('a server that is gone is said in a sentence', async () => {
  const settings = ServerConnection.makeSettings({
    baseUrl: 'http://server/base/',
    fetch: () => Promise.reject(new TypeError('Failed to fetch')),
    Request,
    Headers
  });
  const gone = new ChatModel(new ServerCarrier(new Api(settings)));
  await vi.waitFor(() => expect(gone.trouble).toBe('The Jupyter server does not answer.'));
});

test.each([
  ['Too many.', 'Too many. Try again in 30 s.'],
  ['Try again in 30 seconds.', 'Try again in 30 seconds.']
])('a refusal for now says when to try again: %s', async (message, shown) => {
  server.answers.set('POST conversations/new-1/turns', () => {
    const refused = failure(message, 'rate_limit_exceeded', 429);
    refused.headers.set('Retry-After', '30');
    return refused;
  });
  await ask('Hi');
  expect(model.turns.at(-1)).toMatchObject({ state: 'failed', error: shown, request_id: 'req_1' });
});
