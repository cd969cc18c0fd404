/** Whatever an upstream says in an answer, or in its place: what is shown is bounded and harmless. */
import { expect, test, vi } from 'vitest';

import { chunk, json, stream, type JupyterServer } from '../jupyter-server';
import { opened, redrawn } from '../page';
import { mutationsOf } from './mutations';
import { faultsIn, faultsWith, sidebar } from './pages';

const CHUNK = {
  id: 'chatcmpl-1',
  object: 'chat.completion.chunk',
  created: 1,
  model: 'm',
  system_fingerprint: 'fp_1',
  choices: [
    {
      index: 0,
      delta: {
        role: 'assistant',
        content: [{ type: 'text', text: 'Yes' }],
        reasoning_content: 'hm',
        tool_calls: [{ index: 0, id: 'call_1', function: { name: 'run', arguments: '{}' } }]
      },
      logprobs: null,
      finish_reason: 'stop'
    }
  ],
  usage: { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 },
  service_tier: 'default'
};

const ENVELOPE = {
  error: { message: 'No.', type: 'server_error', param: 'model', code: 'upstream_error' }
};

/** What the server would refuse in the turns that it is to keep. */
function refusalsOf(server: JupyterServer): string[] {
  const kept = [...server.conversations.values()].flatMap(({ turns }) => turns);
  return kept.flatMap(turn => [
    ...(/\p{Surrogate}/u.test(Object.values(turn).join()) ? ['a lone half of a character'] : []),
    ...[turn.tokens_in, turn.tokens_out]
      .filter(count => count !== null && !Number.isSafeInteger(count))
      .map(count => `${count} tokens`)
  ]);
}

/** Ask a question, and give what is wrong with the page and with what is kept. */
async function faultsOfAnswer(answer: (request: Request) => Response): Promise<string[]> {
  const { server, model, node } = await sidebar();
  server.answers.set('POST chat/completions', answer);
  model.send('Hi');
  await redrawn();
  const { state, error } = model.turns[0]!;
  const isOver = !model.isRunning && (state === 'whole' || (state === 'failed' && error));
  return [...faultsIn(node), ...refusalsOf(server), ...(isOver ? [] : [`${state}, ${error}`])];
}

test('a chunk of an answer', async () => {
  const mutations = mutationsOf(CHUNK);
  expect(mutations.length).toBeGreaterThan(150);
  const faults = await faultsWith(mutations, said =>
    faultsOfAnswer(request => stream([said, chunk('!')], request))
  );
  expect(faults).toEqual([]);
});

test('an error in the place of an answer, and in the middle of one', async () => {
  const faults = await faultsWith(mutationsOf(ENVELOPE), async said => [
    ...(await faultsOfAnswer(() => json(said, 400))),
    ...(await faultsOfAnswer(request => stream([chunk('half'), said, chunk('!')], request)))
  ]);
  expect(faults).toEqual([]);
});

test('an error in the place of a list, of a conversation and of the models', async () => {
  const faults = await faultsWith(mutationsOf(ENVELOPE), async said => {
    const { carrier, model, node } = await sidebar(server => {
      for (const kind of ['GET status', 'GET conversations', 'GET conversations/a']) {
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

test('an answer that is over is shown although everything beside it is nonsense', async () => {
  const warned = vi.spyOn(console, 'error');
  const { server, model } = await sidebar();
  const said = { ...CHUNK, model: {}, usage: 5, id: null, created: [], service_tier: {} };
  server.answers.set('POST chat/completions', request => stream([said], request));
  model.send('Hi');
  await redrawn();
  expect(model.turns[0]).toMatchObject({ answer: 'Yes', state: 'whole', model: null });
  expect(warned).not.toHaveBeenCalled();
});
