/**
 * An open conversation: its turns as the server tells them, and what is on its way to the server.
 *
 * The server owns the turns. A question is shown at once, and stays until the server has it, or for
 * as long as the server does not want it. Operations run one at a time, in the order of the clicks.
 */
import type { Ending, Turn } from '../protocol-types';
import { codeOf, type CarrierEvent } from './carrier';
import type { ConversationEvent } from './conversation-events';
import type { Asking, Conversations, Format } from './conversations';
import { NO_PARAMETERS, type ConversationParameters } from './parameters';

type TurnsEvent = Extract<ConversationEvent, { type: 'turns' }>;

/** A question that the server does not have yet, or does not want. */
interface Unsent {
  turn: Turn;
  request: string;
  before: string | null;
}

const IDLE = { running: null, answering: null };

export class OpenConversation {
  name = '';
  parameters: ConversationParameters = NO_PARAMETERS;
  turns: readonly Turn[] = [];
  /** Its running request, and the turn that it answers. */
  running: string | null = null;

  private _answering: string | null = null;
  /** What the server has last said about what runs. */
  private _told: { running: string | null; answering: string | null } = IDLE;
  private _unsent: Unsent | null = null;
  /** What was stopped here, of which the server may still tell. */
  private _stopped: { request: string; turn: string } | null = null;
  private _queue: Promise<unknown> = Promise.resolve();
  private _isDeleted = false;

  constructor(
    private readonly _store: Conversations,
    public id: string | null = null
  ) {}

  /** Whether it has been deleted from the store, or is about to be. */
  get isDeleted(): boolean {
    return this._isDeleted;
  }

  /** Everything that there is now, for whoever begins to show it. */
  get shown(): CarrierEvent {
    return this._turnsEvent(this.turns);
  }

  /** Take what the server tells; returns what changes on the page. */
  take(event: ConversationEvent): CarrierEvent | null {
    switch (event.type) {
      case 'turns':
        return this._takeTurns(event);
      case 'delta':
        return this._grow(event);
      case 'ended':
        return this._end(event.request, event.turn);
      case 'renamed':
        this.name = event.name;
        return null;
      case 'parameters':
        this._takeParameters(event.parameters);
        return null;
      case 'deleted':
        this._isDeleted = true;
        return null;
    }
  }

  /** Show a question before the server has it. */
  begin(turn: Turn, request: string, before: string | null): void {
    this._unsent = { turn, request, before };
    this.turns = this._withUnsent(this.turns);
    this.running = request;
    this._answering = turn.id;
  }

  /**
   * Send a question that has begun; the conversation is created if there is none yet.
   *
   * @param asking - the question
   * @param onCreate - called when it has been created
   * @returns what changes on the page if the server does not take it
   */
  async ask(asking: Asking, onCreate: () => void): Promise<CarrierEvent | null> {
    try {
      await this._inTurn(async () => {
        if (this.id === null) {
          const { id, name } = await this._store.create(asking.prompt, this.parameters);
          this.id = id;
          this.name ||= name;
          onCreate();
        }
        await this._store.ask(this.id, asking);
      });
      return null;
    } catch (error) {
      return this._refuse(asking.request, error);
    }
  }

  /** Stop the running request, here at once and on the server. */
  async stop(request: string): Promise<void> {
    const turn = this._answering;
    if (this.running !== request || turn === null) {
      return;
    }
    this._stopped = { request, turn };
    this.running = null;
    this._change(turn, { state: 'stopped' });
    await this._inTurn(async () => {
      if (this.id !== null) {
        await this._store.stop(this.id, turn);
      }
    });
  }

  /** Remove a turn. */
  async remove(id: string): Promise<void> {
    this.turns = this.turns.filter(turn => turn.id !== id);
    if (this._unsent?.turn.id === id) {
      this._unsent = null;
      return;
    }
    await this._inTurn(() => this._store.remove(this.id!, id));
  }

  /** Whether the server has a turn, so that it can put it back once it is removed. */
  keeps(id: string): boolean {
    return this._unsent?.turn.id !== id;
  }

  /** Put back a turn that was removed. */
  restore(id: string): Promise<void> {
    return this._inTurn(() => this._store.restore(this.id!, id));
  }

  /** Show another version of a turn. */
  choose(id: string, version: number): Promise<void> {
    return this._inTurn(() => this._store.choose(this.id!, id, version));
  }

  /** Rename it. */
  rename(name: string): Promise<void> {
    return this._inTurn(async () => {
      this.name = (await this._store.rename(this.id!, name)).name;
    });
  }

  /** Ask from now on with other parameters; those of a new conversation are kept until it begins. */
  setParameters(parameters: ConversationParameters): Promise<void> {
    this.parameters = parameters;
    return this._inTurn(async () => {
      if (this.id !== null) {
        await this._store.setParameters(this.id, parameters);
      }
    });
  }

  /** Return it as the text of a file. */
  export(format: Format): Promise<string> {
    return this._inTurn(() => this._store.export(this.id!, format));
  }

  /** Delete it from the store; unless the server refuses, nothing follows. */
  async delete(): Promise<void> {
    this._isDeleted = true;
    try {
      await this._inTurn(async () => {
        if (this.id !== null) {
          await this._store.delete(this.id);
        }
      });
    } catch (error) {
      if (codeOf(error) !== 'conversation_not_found') {
        this._isDeleted = false;
        throw error;
      }
    }
  }

  /** Run an operation on the store after all earlier ones have finished. */
  private _inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this._queue.then(work);
    this._queue = done.catch(() => undefined);
    return done;
  }

  private _takeTurns(event: TurnsEvent): CarrierEvent {
    const { ids, turns, running, answering } = event;
    this.name = event.name;
    this._takeParameters(event.parameters);
    this._told = { running, answering };
    if (this._unsent && ids.includes(this._unsent.turn.id)) {
      this._unsent = null;
    }
    // Turns that have not changed stay the same objects, so that they are not drawn again.
    const known = new Map(this.turns.map(turn => [turn.id, turn]));
    const news = turns.filter(turn => JSON.stringify(turn) !== JSON.stringify(known.get(turn.id)));
    news.forEach(turn => known.set(turn.id, turn));
    this.turns = this._withUnsent(ids.flatMap(id => known.get(id) ?? []));
    if (running !== this._stopped?.request) {
      this._stopped = null;
      if (this._unsent?.turn.state !== 'running') {
        this.running = running;
        this._answering = answering;
      }
    } else {
      this._change(this._stopped.turn, { state: 'stopped' });
    }
    const changed = new Set(news.map(({ id }) => id));
    return this._turnsEvent(this.turns.filter(({ id }) => changed.has(id)));
  }

  private _takeParameters(parameters: ConversationParameters): void {
    // The same ones stay the same object, so that nothing is drawn over what is being typed.
    if (JSON.stringify(parameters) !== JSON.stringify(this.parameters)) {
      this.parameters = parameters;
    }
  }

  private _grow(event: Extract<ConversationEvent, { type: 'delta' }>): CarrierEvent | null {
    const { request, text, reasoning } = event;
    const turn = this._turnOf(request);
    if (!turn) {
      return null;
    }
    this._change(turn.id, { answer: turn.answer + text, reasoning: turn.reasoning + reasoning });
    // On the page, only one answer grows at a time; another one is shown once ours is refused.
    return request === this.running ? event : null;
  }

  private _end(request: string, ending: Ending): CarrierEvent | null {
    const turn = this._turnOf(request);
    this._told = IDLE;
    if (request === this._stopped?.request) {
      this._stopped = null;
      // What came after the click is part of the answer, too.
      return turn ? this._turnsEvent(this._change(turn.id, ending)) : null;
    }
    if (request !== this.running) {
      // Another window's answer, which ends before the server has refused our own question.
      return turn ? this._turnsEvent(this._change(turn.id, ending)) : null;
    }
    this.running = null;
    this._change(turn?.id ?? '', ending);
    return { type: 'ended', request, turn: ending };
  }

  /** The turn that a request answers: our own, one that was stopped here, or another window's. */
  private _turnOf(request: string): Turn | undefined {
    const answers: [string | null | undefined, string | null | undefined][] = [
      [this.running, this._answering],
      [this._stopped?.request, this._stopped?.turn],
      [this._told.running, this._told.answering]
    ];
    const id = answers.find(([running]) => running === request)?.[1];
    return this.turns.find(turn => turn.id === id);
  }

  private _refuse(request: string, error: unknown): CarrierEvent | null {
    if (this._unsent?.request !== request) {
      return null;
    }
    const ending = this._store.endingOf(error);
    this._unsent = { ...this._unsent, turn: { ...this._unsent.turn, ...ending } };
    this._change(this._unsent.turn.id, ending);
    this.running = this._told.running;
    this._answering = this._told.answering;
    return { type: 'ended', request, turn: ending };
  }

  private _withUnsent(turns: readonly Turn[]): readonly Turn[] {
    if (!this._unsent) {
      return turns;
    }
    const { turn, before } = this._unsent;
    const index = turns.findIndex(({ id }) => id === before);
    return [...turns.slice(0, index < 0 ? undefined : index), turn];
  }

  private _change(id: string, change: Ending & { answer?: string; reasoning?: string }): Turn[] {
    this.turns = this.turns.map(turn => (turn.id === id ? { ...turn, ...change } : turn));
    return this.turns.filter(turn => turn.id === id);
  }

  private _turnsEvent(news: readonly Turn[]): CarrierEvent {
    return {
      type: 'turns',
      ids: this.turns.map(({ id }) => id),
      turns: news,
      running: this.running,
      answering: this._answering
    };
  }
}
