/**
 * The carrier that talks to the server directly, and so never waits for a kernel.
 *
 * Conversations lie in the server's store. An answer goes on while another conversation is shown.
 * Reading a stream is left to `stream.ts`, writing conversations to `open-conversation.ts`.
 */
import { Newest } from '../model/newest';
import { sentenceOf } from '../model/plain-text';
import { Signal } from '../model/signal';
import { contentOf, messagesOf, newTurn, type Ending, type Part, type Turn } from '../words';
import type { Api } from './api';
import { CarrierError, codeOf, type Carrier, type CarrierEvent, type Question } from './carrier';
import type { Piece } from './chunk';
import { Conversations, type Stored } from './conversations';
import { plainOrNull } from './json';
import { OpenConversation } from './open-conversation';
import { setupIn } from './received';
import { readStream } from './stream';

/** How often an answer that is still coming is written to the store. */
const WRITE_EVERY_MS = 5000;

interface Asked {
  conversation: OpenConversation;
  /** The turn's id. */
  turn: string;
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
  /** Those of which the store may not have all yet: they are not read from there. */
  private readonly _busy = new Set<OpenConversation>();
  private readonly _refreshed = new Newest();
  private readonly _shown = new Newest();

  constructor(private readonly _api: Api) {
    this.conversations = new Conversations(_api);
    this.current = new OpenConversation(this.conversations);
  }

  /** Whether nobody has asked or opened anything yet. */
  get isUntouched(): boolean {
    return this._shown.isUntouched;
  }

  connect(listener: (event: CarrierEvent) => void): void {
    this._listener = listener;
    this.refresh().catch(this.complain);
  }

  /** Look again which models there are. */
  async refresh(): Promise<void> {
    const isNewest = this._refreshed.begin();
    const setup = setupIn(await this._api.json('aqueduct/status'));
    if (isNewest()) {
      this._listener({ type: 'setup', setup });
    }
  }

  /** Show a conversation of the store, unless something newer is asked for; null for a new one. */
  async open(id: string | null): Promise<void> {
    const isNewest = this._shown.begin();
    const known = this._known(id);
    try {
      const stored = known || id === null ? null : await this.conversations.get(id);
      if (isNewest()) {
        this._show(known ?? this._opened(stored));
      }
    } catch (error) {
      // Whoever has gone on to another one does not miss it.
      if (isNewest()) {
        throw error;
      }
    }
  }

  /** Give a conversation another name. */
  async rename(conversation: OpenConversation, name: string): Promise<void> {
    await this._keepingTrack(conversation, conversation.rename(name));
    this.opened.emit();
  }

  /** Delete a conversation, with the answer that runs in it. */
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
    // The question belongs to what is on the page now, whatever is still being read.
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

  /** Show what went wrong; every promise that nobody waits for ends here. */
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

  /** Ask with as much of the history as the model takes; gives how the turn ended. */
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

  /** Wait for work on a conversation in the store, which is not read from there meanwhile. */
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

/** All of a turn but what came in pieces. */
function endingOf({ answer: _, reasoning: __, ...turn }: Turn): Ending {
  return turn;
}

function failure(asked: Asked, error: unknown): Ending {
  const code = codeOf(error);
  if (asked.abort.signal.aborted || code === 'request_stopped') {
    return { state: 'stopped' };
  }
  const told = error instanceof CarrierError ? error.requestId : null;
  return {
    state: 'failed',
    error: sentenceOf(error),
    error_code: code,
    request_id: told ?? asked.conversation.find(asked.turn)?.request_id ?? null
  };
}
