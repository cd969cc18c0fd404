/**
 * The carrier that talks to the server directly, so it never waits for a kernel.
 *
 * Conversations are in the server's store. An answer continues while another conversation is shown.
 * Asking for an answer is in `answering.ts`, writing conversations in `open-conversation.ts`.
 */
import { Newest } from '../model/newest';
import { sentenceOf } from '../model/plain-text';
import { Signal } from '../model/signal';
import {
  contentOf,
  newTurn,
  type Ending,
  type FileFields,
  type Part,
  type Turn
} from '../protocol-types';
import { answer, type Asked } from './answering';
import type { Api } from './api';
import type { Carrier, CarrierEvent, Question } from './carrier';
import type { Piece } from './chunk';
import { Conversations, type Stored } from './conversations';
import { OpenConversation } from './open-conversation';
import { setupIn } from './received';

/** How often a growing answer is written to the store. */
const WRITE_EVERY_MS = 5000;

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

  async download({ file_id: id = '' }: FileFields): Promise<Blob> {
    return (await this._api.request(`files/${encodeURIComponent(id)}/content`)).blob();
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
    let written = Date.now();
    const take = (piece: Piece): void => {
      this._grow(asked, piece);
      if (Date.now() - written > WRITE_EVERY_MS) {
        written = Date.now();
        this._write(asked.conversation);
      }
    };
    this._end(asked, await answer(this._api, asked, this.system, take));
  }

  private _grow(asked: Asked, piece: Piece): void {
    const { conversation, request } = asked;
    const turn = conversation.find(asked.turn);
    if (!turn || !this._running.has(request)) {
      return;
    }
    const { text, reasoning, model, tokens_in, tokens_out, finish_reason } = piece;
    conversation.change(turn.id, {
      answer: turn.answer + text,
      reasoning: turn.reasoning + reasoning,
      model: model ?? turn.model,
      tokens_in: tokens_in ?? turn.tokens_in,
      tokens_out: tokens_out ?? turn.tokens_out,
      finish_reason: finish_reason ?? turn.finish_reason
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
