/**
 * This file is the carrier that talks to the server directly, and so never waits for a kernel.
 *
 * Conversations lie in the server's store. An answer goes on while another conversation is shown.
 * Reading a stream is left to `stream.ts`, writing conversations to `open-conversation.ts`.
 */
import { Signal } from '../model/signal';
import {
  contentOf,
  messagesOf,
  newTurn,
  type Ending,
  type Part,
  type Setup,
  type Turn
} from '../words';
import type { Api } from './api';
import { CarrierError, type Carrier, type CarrierEvent, type Question } from './carrier';
import { Conversations } from './conversations';
import { OpenConversation } from './open-conversation';
import { readStream, type Piece } from './stream';

/** How often an answer that is still coming is written to the store. */
const WRITE_EVERY_MS = 5000;

interface Asked {
  conversation: OpenConversation;
  request: string;
  model: string | null;
  abort: AbortController;
}

export class ServerCarrier implements Carrier {
  readonly conversations: Conversations;
  /** Another conversation is shown, or this one has a new name. */
  readonly opened = new Signal();
  /** A request began or ended. */
  readonly asked = new Signal();
  /** The system's message of every question. */
  system: string | null = null;
  current: OpenConversation;

  private _listener: (event: CarrierEvent) => void = () => undefined;
  private readonly _running = new Map<string, Asked>();

  constructor(private readonly _api: Api) {
    this.conversations = new Conversations(_api);
    this.current = new OpenConversation(this.conversations);
  }

  connect(listener: (event: CarrierEvent) => void): void {
    this._listener = listener;
    void this.refresh();
  }

  /** Look again which models there are. */
  async refresh(): Promise<void> {
    try {
      const said = await this._api.json<Setup & { upstreams: { error: string | null }[] }>(
        'aqueduct/status'
      );
      const failing = said.upstreams.flatMap(({ error }) => (error ? [error] : []));
      this._listener({
        type: 'setup',
        setup: { ...said, notices: [...said.notices, ...failing] }
      });
    } catch (error) {
      this._complain(error);
    }
  }

  /** Show a conversation of the store; null for a new one. */
  async open(id: string | null): Promise<void> {
    try {
      this.current = this._runningIn(id) ?? (await this._read(id));
    } catch (error) {
      this._complain(error);
      return;
    }
    const { turns, running } = this.current;
    this._listener({ type: 'turns', ids: turns.map(({ id }) => id), turns, running });
    this.opened.emit();
  }

  ask(question: Question): void {
    const { request, prompt, contexts, files, model, before } = question;
    const conversation = this.current;
    const turn = newTurn(prompt, contentOf(prompt, contexts, files));
    conversation.begin(turn, before);
    conversation.running = request;
    const asked = { conversation, request, model, abort: new AbortController() };
    this._running.set(request, asked);
    this._listener({ type: 'begun', request, turn, before });
    this.asked.emit();
    void this._answer(asked);
  }

  stop(request: string): void {
    const asked = this._running.get(request);
    if (asked) {
      asked.abort.abort();
      this._end(asked, { state: 'stopped' });
    }
  }

  remove(turn: string): void {
    this.current.remove(turn);
    void this._write(this.current);
  }

  async upload(file: File, progress: (share: number) => void, signal: AbortSignal): Promise<Part> {
    const id = await this._api.upload(file, progress, signal);
    return { type: 'file', file: { file_id: id, filename: file.name } };
  }

  dispose(): void {
    for (const { request } of this._running.values()) {
      this.stop(request);
    }
    this._listener = () => undefined;
  }

  private _runningIn(id: string | null): OpenConversation | undefined {
    return [...this._running.values()].find(
      ({ conversation }) => id !== null && conversation.id === id
    )?.conversation;
  }

  private async _read(id: string | null): Promise<OpenConversation> {
    const stored = id === null ? null : await this.conversations.get(id);
    return new OpenConversation(this.conversations, stored);
  }

  /** Ask with as much of the history as the model takes, and end the turn. */
  private async _answer(asked: Asked): Promise<void> {
    void this._write(asked.conversation);
    let history = asked.conversation.turns;
    const notes: string[] = [];
    for (;;) {
      try {
        await this._stream(asked, history);
        this._end(asked, { state: 'whole', notes });
        return;
      } catch (error) {
        const { code, message } = error as CarrierError;
        if (code === 'context_length_exceeded' && history.length > 1) {
          history = history.slice(Math.ceil(history.length / 2));
          const dropped = asked.conversation.turns.length - history.length;
          notes[0] = `the ${dropped} oldest turns no longer fit and were left out`;
          continue;
        }
        const isStopped = asked.abort.signal.aborted || code === 'request_stopped';
        this._end(
          asked,
          isStopped ? { state: 'stopped' } : { state: 'failed', error: message, error_code: code }
        );
        return;
      }
    }
  }

  private async _stream(asked: Asked, history: readonly Turn[]): Promise<void> {
    const response = await this._api.request('chat/completions', {
      method: 'POST',
      signal: asked.abort.signal,
      headers: { 'X-Client-Request-Id': asked.request },
      body: JSON.stringify({
        ...(asked.model === null ? {} : { model: asked.model }),
        messages: messagesOf(history, this.system),
        stream: true,
        stream_options: { include_usage: true }
      })
    });
    asked.conversation.change({ request_id: response.headers.get('x-request-id') });
    let written = Date.now();
    await readStream(response.body!, piece => {
      this._grow(asked, piece);
      if (Date.now() - written > WRITE_EVERY_MS) {
        written = Date.now();
        void this._write(asked.conversation);
      }
    });
  }

  private _grow(asked: Asked, piece: Piece): void {
    const { conversation, request } = asked;
    const { last } = conversation;
    if (!last || conversation.running !== request) {
      return;
    }
    const { text, reasoning, model, tokens_in, tokens_out } = piece;
    conversation.change({
      answer: last.answer + text,
      reasoning: last.reasoning + reasoning,
      model: model ?? last.model,
      tokens_in: tokens_in ?? last.tokens_in,
      tokens_out: tokens_out ?? last.tokens_out
    });
    this._tell(conversation, { type: 'delta', request, text, reasoning });
  }

  private _end(asked: Asked, ending: Ending): void {
    const { conversation, request } = asked;
    if (!this._running.delete(request)) {
      return;
    }
    conversation.running = null;
    conversation.change(ending);
    const { answer: _, reasoning: __, ...turn } = conversation.last!;
    this._tell(conversation, { type: 'ended', request, turn });
    void this._write(conversation);
    this.asked.emit();
  }

  private _tell(conversation: OpenConversation, event: CarrierEvent): void {
    if (conversation === this.current) {
      this._listener(event);
    }
  }

  private async _write(conversation: OpenConversation): Promise<void> {
    const { id, name } = conversation;
    try {
      await conversation.write();
    } catch (error) {
      this._complain(error);
    }
    if (conversation.id !== id || conversation.name !== name) {
      this.opened.emit();
    }
  }

  private _complain(error: unknown): void {
    this._listener({ type: 'trouble', message: (error as Error).message });
  }
}
