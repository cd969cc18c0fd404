/** Whatever the server has been told by others: what is shown of it is bounded and harmless. */
import { expect, test } from 'vitest';

import { Requests } from '../../src/carriers/requests';
import { RunningRequests } from '../../src/lab/running-requests';
import { ENGLISH } from '../../src/translation';
import { newTurn, type Turn } from '../../src/protocol-types';
import { events, json, JupyterServer, settled, STATUS } from '../jupyter-server';
import { opened, redrawn } from '../page';
import { mutationsOf } from './mutations';
import { faultsIn, faultsWith, left, sidebar } from './pages';

const MODELS = {
  ...STATUS,
  version: '1.0',
  models: ['m', 'campus/m'],
  notices: ['Something to know.'],
  upstreams: [{ name: 'campus', answers: false, error: 'campus does not answer.' }],
  local_model: { model: 'local/smollm2', state: 'ready' }
};

const CONTENT = [
  { type: 'text', text: '<cell In[1]>\n1/0\n</cell In[1]>' },
  { type: 'file', file: { file_id: 'file-1', filename: 'a.pdf' } },
  { type: 'image_url', image_url: { url: 'data:image/png;base64,AA==' } },
  { type: 'text', text: 'Why?' }
];

const TURN: Turn = {
  ...newTurn('Why?', CONTENT as Turn['content']),
  answer: 'So.',
  reasoning: 'hm',
  state: 'failed',
  model: 'm',
  request_id: 'req_1',
  error: 'No.',
  error_code: 'upstream_error',
  tokens_in: 1,
  tokens_out: 2,
  notes: ['the oldest turn no longer fits and was left out']
};

const STORED = {
  type: 'turns',
  name: 'About aqueducts',
  parameters: {
    system: 'Be brief.',
    temperature: 0.5,
    max_tokens: 9,
    reasoning_effort: 'low',
    tells_facts: true
  },
  ids: [TURN.id],
  turns: [TURN],
  running: null,
  answering: null
};

const SUMMARY = {
  id: 'a',
  object: 'conversation',
  name: 'About aqueducts',
  turns: 2,
  revision: 1,
  created_at: 1.5,
  updated_at: 1.5
};

const LIST = { object: 'list', data: [SUMMARY] };

const RUNNING = {
  data: [
    { id: 'r1', client_request_id: 'c', model: 'm', upstream: 'campus', kernel: 'k', seconds: 1 }
  ]
};

const USAGE = { total: { requests: 1, tokens_in: 1, tokens_out: 2 }, by_day: [] };

test('the status, with the models', async () => {
  const faults = await faultsWith(mutationsOf(MODELS), async said => {
    const { server, model, node } = await sidebar(prepared => {
      prepared.answers.set('GET status', () => json(said));
    });
    const before = faultsIn(node);
    model.send('Hi');
    await redrawn();
    const asked = server.asked(/turns$/)[0]!.model ?? '';
    return [...before, ...faultsIn(node), ...(typeof asked === 'string' ? [] : ['no name'])];
  });
  expect(faults).toEqual([]);
});

test('a stored conversation', async () => {
  const faults = await faultsWith(mutationsOf(STORED), async said => {
    const { carrier, model, node } = await sidebar(server => {
      server.keep('a');
      server.answers.set('GET conversations/a/events', () => events(said));
    });
    await carrier.open('a').catch(carrier.complain);
    await redrawn();
    const before = faultsIn(node);
    model.send('Hi');
    await redrawn();
    return [...before, ...faultsIn(node)];
  });
  expect(faults).toEqual([]);
});

test('the list of conversations', async () => {
  const faults = await faultsWith(mutationsOf(LIST), async said => {
    const { node } = await sidebar(server =>
      server.answers.set('GET conversations', () => json(said))
    );
    await opened(node, 'Conversations');
    return faultsIn(node);
  });
  expect(faults).toEqual([]);
});

test.each([
  ['what runs', 'GET requests', RUNNING],
  ['what was used', 'GET usage', USAGE]
])('%s', async (_name, kind, valid) => {
  const faults = await faultsWith(mutationsOf(valid), async said => {
    const server = new JupyterServer();
    server.answers.set('GET requests', () => json(RUNNING));
    server.answers.set('GET usage', () => json(USAGE));
    server.answers.set(kind, () => json(said));
    const requests = new Requests(server.api());
    const list = new RunningRequests(requests, ENGLISH, () => undefined);
    left.push(() => list.dispose());
    await settled();
    return [...faultsIn(list.node), ...(Number.isFinite(requests.tokens) ? [] : ['no number'])];
  });
  expect(faults).toEqual([]);
});
