/** A Jupyter server behind `fetch` that keeps conversations; what is asked can be held back. */
import { ServerConnection } from '@jupyterlab/services';

import { Api } from '../src/carriers/api';
import type { Words } from '../src/translation';
import type { Turn } from '../src/protocol-types';

interface Kept {
  name: string;
  turns: Turn[];
  revision: number;
}

type Said = Partial<Kept>;

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

  private readonly _held = new Map<string, Promise<void>>();
  private _created = 0;

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
    this.conversations.set(id, { name, turns, revision: 1 });
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

  private async _fetch(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    const kind = `${request.method} ${pathname.replace('/base/', '').replace('aqueduct/', '')}`;
    const answer = this.answers.get(kind);
    const held = this._held.get(kind);
    this._held.delete(kind);
    const body = await request.text();
    await held;
    this.done.push(kind);
    this.bodies.push(body);
    return answer ? answer(request) : this._answer(kind, (body ? JSON.parse(body) : {}) as Said);
  }

  private _answer(kind: string, said: Said): Response {
    const [method, path = ''] = kind.split(' ');
    const id = path.split('/')[1];
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
    if (method === 'DELETE') {
      this.conversations.delete(id!);
    } else if (method === 'PATCH') {
      return this._change(id!, kept, said);
    }
    return json({ id, ...kept });
  }

  private _create({ name, turns = [] }: Said): Response {
    const id = `new-${(this._created += 1)}`;
    this.keep(id, turns, name ?? 'New conversation');
    return json({ id, ...this.conversations.get(id) });
  }

  private _change(id: string, kept: Kept, said: Said): Response {
    if (said.turns && said.revision !== kept.revision) {
      return failure('It was changed in another window.', 'conversation_changed', 409);
    }
    kept.revision += said.turns ? 1 : 0;
    kept.turns = said.turns ?? kept.turns;
    kept.name = said.name ?? kept.name;
    return json({ id, ...kept, turns: kept.turns.length });
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

/** An answer that is a stream of these chunks; without its end it hangs until it is aborted. */
export function stream(
  chunks: readonly unknown[],
  { signal }: Request,
  { isWhole = true, id = 'req_1' } = {}
): Response {
  const lines = chunks.map(chunk => `data: ${JSON.stringify(chunk)}\n\n`).join('');
  const body = new ReadableStream({
    start(controller) {
      controller.enqueue(new TextEncoder().encode(lines + (isWhole ? 'data: [DONE]\n\n' : '')));
      if (isWhole) {
        controller.close();
      } else {
        signal.addEventListener('abort', () => controller.error(new Error('aborted')));
      }
    }
  });
  return new Response(body, { headers: { 'x-request-id': id } });
}

export function chunk(content: string): object {
  return { choices: [{ delta: { content } }] };
}

/** Wait until all that was begun has gone as far as it can. */
export async function settled(): Promise<void> {
  for (let round = 0; round < 20; round++) {
    await new Promise(resolve => setImmediate(resolve));
  }
}
