/**
 * The carrier that talks to the server directly, so it never waits for a kernel.
 *
 * Conversations are in the server's store. An answer continues while another conversation is shown.
 * Reading a stream is in `stream.ts`, writing conversations in `open-conversation.ts`.
 */
import { Newest } from '../model/newest';
import { sentenceOf } from '../model/plain-text';
import { Signal } from '../model/signal';
import {
  contentOf,
  messagesOf,
  newTurn,
  type Ending,
  type Part,
  type Turn
} from '../protocol-types';
import type { Api } from './api';
import { CarrierError, codeOf, type Carrier, type CarrierEvent, type Question } from './carrier';
import type { Piece } from './chunk';
import { Conversations, type Stored } from './conversations';
import { plainOrNull } from './json';
import { OpenConversation } from './open-conversation';
import { setupIn } from './received';
import { readStream } from './stream';

/** How often a growing answer is written to the store. */
const WRITE_EVERY_MS = 5000;

interface Asked {
  conversation: OpenConversation;
  /** The id of the turn. */
  turn: string;
  request: string;
  model: string | null;
  abort: AbortController;
}

export class ServerCarrier implements Carrier {
  readonly conversations: Conversations;
  /** Emitted when another conversation is shown or the current one is renamed. */
  readonly opened = new Signal();
  /** Emitted when a request begins or ends. */
  readonly asked = new Signal();
  /** The system message of every question. */
  system: string | null = null;
  current: OpenConversation;

  private _listener: (event: CarrierEvent) => void = () => undefined;
  private readonly _running = new Map<string, Asked>();
  /** Conversations whose latest state may not be stored yet: they are not read from the store. */
  private readonly _busy = new Set<OpenConversation>();
  private readonly _refreshed = new Newest();
  private readonly _shown = new Newest();

  constructor(private readonly _api: Api) {
    this.conversations = new Conversations(_api);
    this.current = new OpenConversation(this.conversations);
  }

  /** Whether no question has been asked and no conversation opened yet. */
  get isUntouched(): boolean {
    return this._shown.isUntouched;
  }

  connect(listener: (event: CarrierEvent) => void): void {
    this._listener = listener;
    this.refresh().catch(this.complain);
  }

  /** Refresh the list of models. */
  async refresh(): Promise<void> {
    const isNewest = this._refreshed.begin();
    const setup = setupIn(await this._api.json('aqueduct/status'));
    if (isNewest()) {
      this._listener({ type: 'setup', setup });
    }
  }

  /** Show a stored conversation, unless a newer call supersedes this one; null shows a new one. */
  async open(id: string | null): Promise<void> {
    const isNewest = this._shown.begin();
    const known = this._known(id);
    try {
      const stored = known || id === null ? null : await this.conversations.get(id);
      if (isNewest()) {
        this._show(known ?? this._opened(stored));
      }
    } catch (error) {
      // If the user has moved on, the error no longer matters.
      if (isNewest()) {
        throw error;
      }
    }
  }

  /** Rename a conversation. */
  async rename(conversation: OpenConversation, name: string): Promise<void> {
    await this._keepingTrack(conversation, conversation.rename(name));
    this.opened.emit();
  }

  /** Delete a conversation, and stop its running answer. */
  async delete(conversation: OpenConversation): Promise<void> {
    if (conversation.running !== null) {
      this.stop(conversation.running);
    }
    try {
      await conversation.delete();
    } catch (error) {
      this._write(conversation);
      throw error;
    }
    if (conversation === this.current) {
      this._show(new OpenConversation(this.conversations));
    }
  }

  ask(question: Question): void {
    const { request, prompt, contexts, files, model, before } = question;
    // The question belongs to the conversation on the page now, even if another one is loading.
    this._shown.begin();
    if (this.current.isDeleted) {
      this._show(new OpenConversation(this.conversations));
    }
    const conversation = this.current;
    const turn = newTurn(prompt, contentOf(prompt, contexts, files));
    conversation.begin(turn, before);
    conversation.running = request;
    const abort = new AbortController();
    const asked = { conversation, turn: turn.id, request, model, abort };
    this._running.set(request, asked);
    this._listener({ type: 'begun', request, turn, before });
    this.asked.emit();
    this._write(conversation);
    this._answer(asked).catch(this.complain);
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
    this._write(this.current);
  }

  async upload(file: File, progress: (share: number) => void, signal: AbortSignal): Promise<Part> {
    const id = await this._api.upload(file, progress, signal);
    return { type: 'file', file: { file_id: id, filename: file.name } };
  }

  /** Show what went wrong; the error handler of every promise that nobody awaits. */
  readonly complain = (error: unknown): void => {
    this._listener({ type: 'trouble', message: sentenceOf(error) });
  };

  dispose(): void {
    for (const { request } of this._running.values()) {
      this.stop(request);
    }
    this._listener = () => undefined;
  }

  private _known(id: string | null): OpenConversation | undefined {
    return [...this._busy].find(
      conversation => id !== null && conversation.id === id && !conversation.isDeleted
    );
  }

  private _opened(stored: Stored | null): OpenConversation {
    const isShown = stored !== null && stored.id === this.current.id;
    const conversation = isShown ? this.current : new OpenConversation(this.conversations);
    return stored ? conversation.take(stored) : conversation;
  }

  private _show(conversation: OpenConversation): void {
    this.current = conversation;
    const { turns, running } = conversation;
    this._listener({ type: 'turns', ids: turns.map(({ id }) => id), turns, running });
    this.opened.emit();
  }

  private async _answer(asked: Asked): Promise<void> {
    this._end(asked, await this._ending(asked));
  }

  /** Ask with as much history as the model accepts; returns how the turn ended. */
  private async _ending(asked: Asked): Promise<Ending> {
    const { turns } = asked.conversation;
    let history = turns;
    for (;;) {
      try {
        await this._stream(asked, history);
        return { state: 'whole', notes: this._notesOn(turns.length - history.length) };
      } catch (error) {
        if (codeOf(error) !== 'context_length_exceeded' || history.length <= 1) {
          return failure(asked, error);
        }
        history = history.slice(Math.ceil(history.length / 2));
      }
    }
  }

  private _notesOn(dropped: number): string[] {
    const note = this._api.words._n(
      'the oldest turn no longer fits and was left out',
      'the %1 oldest turns no longer fit and were left out',
      dropped
    );
    return dropped ? [note] : [];
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
    asked.conversation.change(asked.turn, {
      request_id: plainOrNull(response.headers.get('x-request-id'))
    });
    let written = Date.now();
    const take = (piece: Piece): void => {
      this._grow(asked, piece);
      if (Date.now() - written > WRITE_EVERY_MS) {
        written = Date.now();
        this._write(asked.conversation);
      }
    };
    await readStream(response.body!, take, this._api.words);
  }

  private _grow(asked: Asked, piece: Piece): void {
    const { conversation, request } = asked;
    const turn = conversation.find(asked.turn);
    if (!turn || !this._running.has(request)) {
      return;
    }
    const { text, reasoning, model, tokens_in, tokens_out } = piece;
    conversation.change(turn.id, {
      answer: turn.answer + text,
      reasoning: turn.reasoning + reasoning,
      model: model ?? turn.model,
      tokens_in: tokens_in ?? turn.tokens_in,
      tokens_out: tokens_out ?? turn.tokens_out
    });
    this._tell(conversation, { type: 'delta', request, text, reasoning });
  }

  private _end(asked: Asked, ending: Ending): void {
    const { conversation, request } = asked;
    if (!this._running.delete(request)) {
      return;
    }
    conversation.running = null;
    conversation.change(asked.turn, ending);
    const turn = conversation.find(asked.turn);
    this._tell(conversation, { type: 'ended', request, turn: turn ? endingOf(turn) : ending });
    this._write(conversation);
    this.asked.emit();
  }

  private _tell(conversation: OpenConversation, event: CarrierEvent): void {
    if (conversation === this.current) {
      this._listener(event);
    }
  }

  private _write(conversation: OpenConversation): void {
    const { id, name } = conversation;
    this._keepingTrack(conversation, conversation.write())
      .then(() => {
        if (conversation.id !== id || conversation.name !== name) {
          this.opened.emit();
        }
      })
      .catch(this.complain);
  }

  /** Wait for a store operation on a conversation, which is not read from the store meanwhile. */
  private async _keepingTrack(conversation: OpenConversation, work: Promise<void>): Promise<void> {
    this._busy.add(conversation);
    try {
      await work;
    } finally {
      if (!conversation.isBusy) {
        this._busy.delete(conversation);
      }
    }
  }
}

/** A turn without the text that came in pieces. */
function endingOf({ answer: _, reasoning: __, ...turn }: Turn): Ending {
  return turn;
}

function failure(asked: Asked, error: unknown): Ending {
  const code = codeOf(error);
  if (asked.abort.signal.aborted || code === 'request_stopped') {
    return { state: 'stopped' };
  }
  const requestId = error instanceof CarrierError ? error.requestId : null;
  return {
    state: 'failed',
    error: sentenceOf(error),
    error_code: code,
    request_id: requestId ?? asked.conversation.find(asked.turn)?.request_id ?? null
  };
}
