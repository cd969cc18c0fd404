/** A Jupyter server behind `fetch` that keeps conversations; what is asked can be held back. */
import { ServerConnection } from '@jupyterlab/services';

import { Api } from '../src/carriers/api';
import type { Words } from '../src/translation';
import { newTurn, type Turn } from '../src/protocol-types';

interface Kept {
  name: string;
  turns: Turn[];
  revision: number;
  /** The request that runs; it answers the last turn. */
  running: string | null;
  parameters?: object;
}

interface Said {
  name?: string | null;
  turns?: Turn[];
  id?: string;
  request?: string;
  prompt?: string;
  content?: Turn['content'];
  before?: string | null;
  version?: number;
  parameters?: object;
}

type Listener = ReadableStreamDefaultController<Uint8Array>;

export const STATUS = {
  models: ['m'],
  default_model: 'm',
  notices: [],
  upstreams: [{ name: 'campus', answers: true, error: null }],
  limits: { attachment_bytes: 10, attachments_bytes: 20 }
};

export class JupyterServer {
  /** What was asked, in the order in which it was carried out: `PATCH conversations/a`. */
  readonly done: string[] = [];
  /** The bodies of what was asked, beside it. */
  readonly bodies: string[] = [];
  readonly conversations = new Map<string, Kept>();
  /** What is answered in the place of the server's own answer. */
  readonly answers = new Map<string, (request: Request) => Response>();
  /** What each question is answered with; null leaves it running after the word "half". */
  reply: string | null = 'Yes';
  /** Whether nobody can reach it. */
  isGone = false;

  private readonly _held = new Map<string, Promise<void>>();
  private readonly _listeners = new Map<string, Set<Listener>>();
  private _created = 0;
  private _removed: Turn | null = null;

  /** Hold the next request of a kind back; gives the function that lets it go. */
  hold(kind: string): () => Promise<void> {
    let letGo: () => void = () => undefined;
    this._held.set(kind, new Promise(resolve => (letGo = resolve)));
    return async () => {
      letGo();
      await settled();
    };
  }

  keep(id: string, turns: Turn[] = [], name = id): void {
    this.conversations.set(id, { name, turns, revision: 1, running: null });
  }

  api(words?: Words): Api {
    const settings = ServerConnection.makeSettings({
      baseUrl: 'http://server/base/',
      fetch: (request: Request) => this._fetch(request),
      Request,
      Headers
    } as never);
    return new Api(settings, words);
  }

  /** The bodies of what was asked of a kind. */
  asked(kind: RegExp): Record<string, unknown>[] {
    const found = this.done.flatMap((done, number) => (kind.test(done) ? [number] : []));
    return found.map(number => JSON.parse(this.bodies[number]!) as Record<string, unknown>);
  }

  /** How many listen to a conversation. */
  listening(id: string): number {
    return this._listeners.get(id)?.size ?? 0;
  }

  /** Tell all who listen to a conversation. */
  tell(id: string, ...events: unknown[]): void {
    const text = events.map(event => `data: ${JSON.stringify(event)}\n\n`).join('');
    for (const listener of this._listeners.get(id) ?? []) {
      listener.enqueue(new TextEncoder().encode(text));
    }
  }

  /** Break all connections of those who listen. */
  cut(id: string): void {
    const listeners = [...(this._listeners.get(id) ?? [])];
    this._listeners.delete(id);
    listeners.forEach(listener => listener.error(new Error('network error')));
  }

  /** Have an answer that runs grow. */
  say(id: string, text: string): void {
    const kept = this.conversations.get(id)!;
    const turn = kept.turns.at(-1)!;
    turn.answer += text;
    this.tell(id, { type: 'delta', request: kept.running, text, reasoning: '' });
  }

  /** End an answer that runs. */
  end(id: string, ending: Partial<Turn> = { state: 'whole' }): void {
    const kept = this.conversations.get(id);
    if (kept?.running) {
      const { running: request } = kept;
      kept.running = null;
      Object.assign(kept.turns.at(-1)!, ending);
      this.tell(id, { type: 'ended', request, turn: kept.turns.at(-1)! });
    }
  }

  /** Add a turn as another window would, with an answer that runs. */
  ask(id: string, prompt: string, request = 'theirs'): void {
    this._begin(id, { prompt, request });
  }

  /** Forget the turn that was removed last. */
  forget(): void {
    this._removed = null;
  }

  private async _fetch(request: Request): Promise<Response> {
    if (this.isGone) {
      throw new TypeError('Failed to fetch');
    }
    const { pathname } = new URL(request.url);
    const kind = `${request.method} ${pathname.replace('/base/', '').replace('aqueduct/', '')}`;
    const answer = this.answers.get(kind);
    const held = this._held.get(kind);
    this._held.delete(kind);
    const body = await request.text();
    await held;
    this.done.push(kind);
    this.bodies.push(body);
    const said = (body ? JSON.parse(body) : {}) as Said;
    return answer ? answer(request) : this._answer(kind, said, request);
  }

  private _answer(kind: string, said: Said, request: Request): Response {
    const [method, path = ''] = kind.split(' ');
    const [, id, part, turn, act] = path.split('/');
    if (path === 'status') {
      return json(STATUS);
    }
    if (path.startsWith('conversations') && id === undefined) {
      return method === 'POST' ? this._create(said) : json({ data: this._list() });
    }
    const kept = this.conversations.get(id ?? '');
    if (!kept) {
      return failure('There is no such thing.', 'conversation_not_found', 404);
    }
    if (part === 'events') {
      return this._listen(id!, request.signal);
    }
    if (part === 'turns') {
      return this._changeTurns(id!, kept, `${method} ${act ?? ''}`, turn, said);
    }
    if (method === 'DELETE') {
      this.conversations.delete(id!);
      this.tell(id!, { type: 'deleted' });
    } else if (method === 'PATCH') {
      if (said.parameters) {
        kept.parameters = said.parameters;
        this.tell(id!, { type: 'parameters', parameters: said.parameters });
      } else {
        kept.name = said.name ?? kept.name;
        this.tell(id!, { type: 'renamed', name: kept.name });
      }
    }
    return json({ id, ...kept });
  }

  private _changeTurns(
    id: string,
    kept: Kept,
    act: string,
    turn: string | undefined,
    said: Said
  ): Response {
    if (turn === undefined) {
      if (kept.turns.some(({ id: known }) => known === said.id)) {
        return json({});
      }
      if (kept.running !== null) {
        return failure('An answer is being written.', 'answer_running', 409);
      }
      this._begin(id, said);
    } else if (act === 'DELETE ') {
      this._removed = kept.turns.find(other => other.id === turn) ?? null;
      kept.turns = kept.turns.filter(other => other.id !== turn);
      this.tellTurns(id);
    } else if (act === 'POST restore' && this._removed?.id === turn) {
      kept.turns.push(this._removed);
      this.tellTurns(id);
    } else if (act === 'POST version') {
      const shown = kept.turns.find(other => other.id === turn)!;
      Object.assign(shown, { version: said.version });
      this.tellTurns(id);
    } else if (act === 'POST stop') {
      this.end(id, { state: 'stopped' });
    } else {
      return failure('It can no longer be restored.', 'turn_not_found', 404);
    }
    return json({});
  }

  private _begin(id: string, said: Said): void {
    const kept = this.conversations.get(id)!;
    const turn = newTurn(said.prompt ?? '', said.content ?? said.prompt ?? '');
    const index = kept.turns.findIndex(other => other.id === said.before);
    kept.turns = [...kept.turns.slice(0, index < 0 ? undefined : index), turn];
    turn.id = said.id ?? turn.id;
    kept.running = said.request ?? null;
    this.tellTurns(id);
    this.say(id, this.reply ?? 'half');
    if (this.reply !== null) {
      this.end(id);
    }
  }

  /** Tell all who listen which turns there are. */
  tellTurns(id: string): void {
    this.tell(id, this._turns(id));
  }

  private _turns(id: string): object {
    const { name, turns, running, parameters = {} } = this.conversations.get(id)!;
    const ids = turns.map(turn => turn.id);
    const answering = running === null ? null : ids.at(-1);
    return { type: 'turns', name, parameters, ids, turns, running, answering };
  }

  private _listen(id: string, signal: AbortSignal): Response {
    const listeners = this._listeners.get(id) ?? new Set();
    this._listeners.set(id, listeners);
    const first = `data: ${JSON.stringify(this._turns(id))}\n\n`;
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(new TextEncoder().encode(first));
        listeners.add(controller);
        signal.addEventListener('abort', () => {
          if (listeners.delete(controller)) {
            controller.error(new Error('aborted'));
          }
        });
      }
    });
    return new Response(body);
  }

  private _create({ name, turns = [], parameters }: Said): Response {
    const id = `new-${(this._created += 1)}`;
    this.keep(id, turns, name ?? 'New conversation');
    this.conversations.get(id)!.parameters = parameters;
    return json({ id, ...this.conversations.get(id) });
  }

  private _list(): object[] {
    return [...this.conversations].map(([id, { name, turns, revision }]) => {
      return { id, name, turns: turns.length, revision, updated_at: 1.5 };
    });
  }
}

export function json(words: unknown, status = 200): Response {
  const headers = { 'Content-Type': 'application/json', 'x-request-id': 'req_1' };
  return new Response(JSON.stringify(words), { status, headers });
}

export function failure(message: string, code: string, status: number): Response {
  return json({ error: { message, code } }, status);
}

/** A stream of these events, which ends. */
export function events(...said: readonly unknown[]): Response {
  return new Response(said.map(event => `data: ${JSON.stringify(event)}\n\n`).join(''));
}

/** Wait until all that was begun has gone as far as it can. */
export async function settled(): Promise<void> {
  for (let round = 0; round < 20; round++) {
    await new Promise(resolve => setImmediate(resolve));
  }
}
