/** Whatever the server tells of an answer, or in its place: what is shown is bounded and harmless. */
import { expect, test } from 'vitest';

import { json } from '../jupyter-server';
import { opened, redrawn } from '../page';
import { mutationsOf } from './mutations';
import { faultsIn, faultsWith, sidebar } from './pages';

const DELTA = { type: 'delta', request: 'r', text: 'Yes', reasoning: 'hm' };

const ENDED = {
  type: 'ended',
  request: 'r',
  turn: {
    id: 't',
    state: 'failed',
    model: 'm',
    request_id: 'req_1',
    error: 'No.',
    error_code: 'x',
    finish_reason: 'stop',
    time: 1.5,
    tokens_in: 1,
    tokens_out: 2,
    notes: ['page 2 has no text']
  }
};

const RENAMED = { type: 'renamed', name: 'About aqueducts' };

const ENVELOPE = {
  error: { message: 'No.', type: 'server_error', param: 'model', code: 'upstream_error' }
};

test.each([
  ['a piece of an answer', DELTA],
  ['the end of an answer', ENDED],
  ['another name', RENAMED]
])('%s', async (_name, valid) => {
  const mutations = mutationsOf(valid);
  const faults = await faultsWith(mutations, async said => {
    const { server, carrier, node } = await sidebar(prepared => {
      prepared.reply = null;
      prepared.keep('a');
      prepared.ask('a', 'Hi', 'r');
    });
    await carrier.open('a');
    server.tell('a', said);
    await redrawn();
    const before = faultsIn(node);
    server.end('a');
    await redrawn();
    return [...before, ...faultsIn(node)];
  });
  expect(faults).toEqual([]);
});

test('an error in the place of a question that is taken', async () => {
  const faults = await faultsWith(mutationsOf(ENVELOPE), async said => {
    const { server, carrier, model, node } = await sidebar(prepared => prepared.keep('a'));
    await carrier.open('a');
    server.answers.set('POST conversations/a/turns', () => json(said, 400));
    model.send('Hi');
    await redrawn();
    const { state, error } = model.turns[0]!;
    const isSaid = !model.isRunning && state === 'failed' && error;
    return [...faultsIn(node), ...(isSaid ? [] : [`${state}, ${error}`])];
  });
  expect(faults).toEqual([]);
});

test('an error in the place of a list, of a conversation and of the models', async () => {
  const faults = await faultsWith(mutationsOf(ENVELOPE), async said => {
    const { carrier, model, node } = await sidebar(server => {
      for (const kind of ['GET status', 'GET conversations', 'GET conversations/a/events']) {
        server.answers.set(kind, () => json(said, 500));
      }
    });
    const troubles = [model.trouble];
    await opened(node, 'Conversations');
    await carrier.open('a').catch(carrier.complain);
    await redrawn();
    return [...faultsIn(node), ...([...troubles, model.trouble].every(Boolean) ? [] : ['silence'])];
  });
  expect(faults).toEqual([]);
});
