import { ServerConnection } from '@jupyterlab/services';
import { beforeEach, expect, test, vi } from 'vitest';

import { Api } from '../../src/carriers/api';
import { ServerCarrier } from '../../src/carriers/server';
import { ChatModel } from '../../src/model/chat';
import type { Message, Turn } from '../../src/protocol-types';

const STATUS = {
  models: ['m'],
  default_model: 'm',
  notices: [],
  upstreams: [{ name: 'dead', answers: false, error: 'dead does not answer.' }],
  limits: { attachment_bytes: 10, attachments_bytes: 20 }
};
const HEAD = { headers: { 'Content-Type': 'application/json', 'x-request-id': 'req_1' } };

interface Sent {
  method: string;
  path: string;
  words: { messages?: Message[]; turns?: Turn[]; name?: string; revision?: number; model?: string };
  signal: AbortSignal;
}

/** A server behind `fetch`: it keeps what it was sent, and conversations. */
class Server {
  sent: Sent[] = [];
  replies: (() => Response)[] = [];
  conflict = false;
  private _revision = 0;

  fetch = async (request: Request): Promise<Response> => {
    const path = new URL(request.url).pathname.replace('/base/', '');
    const text = await request.text();
    const words = (text ? JSON.parse(text) : {}) as Sent['words'];
    this.sent.push({ method: request.method, path, words, signal: request.signal });
    return this._answer(path, request.method);
  };

  private _answer(path: string, method: string): Response {
    if (path === 'aqueduct/status') {
      return json(STATUS);
    }
    if (path === 'chat/completions') {
      return this.replies.shift()!();
    }
    if (method === 'PATCH' && this.conflict) {
      this.conflict = false;
      return json({ error: { message: 'Changed.', code: 'conversation_changed' } }, 409);
    }
    this._revision += 1;
    return json({ id: 'conv-1', name: 'x', revision: this._revision });
  }

  get chats(): Sent[] {
    return this.sent.filter(({ path }) => path === 'chat/completions');
  }

  get writes(): Sent[] {
    return this.sent.filter(
      ({ method, path }) => method !== 'GET' && path.includes('conversations')
    );
  }
}

function json(words: unknown, status = 200): Response {
  return new Response(JSON.stringify(words), { status, ...HEAD });
}

function stream(...texts: string[]): Response {
  const events = texts.map(content => ({ model: 'm', choices: [{ delta: { content } }] }));
  const lines = events.map(event => `data: ${JSON.stringify(event)}\n\n`);
  return new Response([...lines, 'data: [DONE]\n\n'].join(''), HEAD);
}

/** An answer that hangs after its first words, until it is aborted. */
function hanging(text: string, getSignal: () => AbortSignal): Response {
  const body = new ReadableStream({
    start(controller) {
      const event = { choices: [{ delta: { content: text } }] };
      controller.enqueue(new TextEncoder().encode(`data: ${JSON.stringify(event)}\n\n`));
      getSignal().addEventListener('abort', () => controller.error(new Error('aborted')));
    }
  });
  return new Response(body, HEAD);
}

let server: Server;
let carrier: ServerCarrier;
let model: ChatModel;

beforeEach(() => {
  server = new Server();
  const settings = ServerConnection.makeSettings({
    baseUrl: 'http://server/base/',
    fetch: server.fetch as typeof fetch,
    Request,
    Headers
  });
  carrier = new ServerCarrier(new Api(settings));
  model = new ChatModel(carrier);
});

const ended = async (): Promise<void> => {
  await vi.waitFor(() => expect(model.isRunning).toBe(false));
};

test('the setup says what there is, and which upstream fails', async () => {
  await vi.waitFor(() => expect(model.setup).not.toBeNull());
  expect(model.models).toEqual(['m']);
  expect(model.setup!.notices).toEqual(['dead does not answer.']);
});

test('a question goes to the server with its history, and is kept', async () => {
  server.replies = [() => stream('Hel', 'lo'), () => stream('2')];
  carrier.system = 'Be brief.';
  model.send('Hi\nthere');
  await ended();
  model.send('two');
  await ended();
  expect(server.chats[1]!.words).toMatchObject({
    messages: [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'Hi\nthere' },
      { role: 'assistant', content: 'Hello' },
      { role: 'user', content: 'two' }
    ],
    stream: true
  });
  expect(model.turns[0]).toMatchObject({ answer: 'Hello', model: 'm', request_id: 'req_1' });
  await vi.waitFor(() => {
    const { method, words } = server.writes.at(-1)!;
    expect(method).toBe('PATCH');
    expect(words.turns!.map(turn => [turn.state, turn.answer])).toEqual([
      ['whole', 'Hello'],
      ['whole', '2']
    ]);
  });
  expect(server.writes[0]).toMatchObject({ method: 'POST', words: { name: 'Hi' } });
});

test('stopping ends the request, and keeps the part', async () => {
  server.replies = [() => hanging('half', () => server.chats[0]!.signal)];
  model.send('Hi');
  await vi.waitFor(() => expect(model.turns[0]?.answer).toBe('half'));
  model.stop();
  expect(server.chats[0]!.signal.aborted).toBe(true);
  await vi.waitFor(() =>
    expect(server.writes.at(-1)!.words.turns![0]).toMatchObject({
      state: 'stopped',
      answer: 'half'
    })
  );
});

test('an error is the turn’s own, with the server’s words', async () => {
  const words = { error: { message: 'There is no such model.', code: 'model_not_found' } };
  server.replies = [() => json(words, 404)];
  model.send('Hi');
  await ended();
  expect(model.turns[0]).toMatchObject({
    state: 'failed',
    error: 'There is no such model.',
    error_code: 'model_not_found'
  });
});

test('a history that is too long loses its oldest turns, and says so', async () => {
  const words = { error: { message: 'Too long.', code: 'context_length_exceeded' } };
  for (const prompt of ['one', 'two', 'three']) {
    server.replies = [() => stream(prompt)];
    model.send(prompt);
    await ended();
  }
  server.replies = [() => json(words, 400), () => stream('4')];
  model.send('four');
  await ended();
  expect(server.chats.at(-1)!.words.messages!.map(({ content }) => content)).toEqual([
    'three',
    'three',
    'four'
  ]);
  expect(model.turns.at(-1)!.notes).toEqual(['the 2 oldest turns no longer fit and were left out']);
});

test('where another window wrote, nothing of either is lost', async () => {
  server.replies = [() => stream('1'), () => stream('2')];
  model.send('one');
  await ended();
  await vi.waitFor(() => expect(server.writes.at(-1)!.words.turns![0]!.state).toBe('whole'));
  server.conflict = true;
  model.send('two');
  await ended();
  await vi.waitFor(() => {
    const created = server.writes.filter(({ method }) => method === 'POST');
    expect(created.at(-1)!.words.name).toBe('one (2)');
    expect(created.at(-1)!.words.turns).toHaveLength(2);
  });
});

test('an answer goes on while another conversation is shown', async () => {
  server.replies = [() => hanging('half', () => server.chats[0]!.signal)];
  model.send('Hi');
  await vi.waitFor(() => expect(carrier.current.id).toBe('conv-1'));
  await vi.waitFor(() => expect(model.turns[0]?.answer).toBe('half'));
  await carrier.open(null);
  expect(model.turns).toEqual([]);
  expect(model.isRunning).toBe(false);
  await carrier.open('conv-1');
  expect(model.turns[0]!.answer).toBe('half');
  expect(model.isRunning).toBe(true);
  model.stop();
  expect(server.chats[0]!.signal.aborted).toBe(true);
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
