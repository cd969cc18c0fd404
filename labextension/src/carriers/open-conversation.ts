/**
 * An open conversation, and what is on its way to the server.
 *
 * Operations run one at a time, in the order of the clicks. Its turns are in `conversation-turns.ts`.
 */
import type { Turn } from '../protocol-types';
import { codeOf, type CarrierEvent } from './carrier';
import type { ConversationEvent } from './conversation-events';
import { ConversationTurns } from './conversation-turns';
import type { Asking, Conversations, Format } from './conversations';
import { NO_PARAMETERS, type ConversationParameters } from './parameters';

export class OpenConversation {
  name = '';
  parameters: ConversationParameters = NO_PARAMETERS;
  private readonly _turns = new ConversationTurns();
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

  /** Its running request. */
  get running(): string | null {
    return this._turns.running;
  }

  /** Everything that there is now, for whoever begins to show it. */
  get shown(): CarrierEvent {
    return this._turns.shown;
  }

  /** Take what the server tells; returns what changes on the page. */
  take(event: ConversationEvent): CarrierEvent | null {
    switch (event.type) {
      case 'turns':
        this.name = event.name;
        this._takeParameters(event.parameters);
        return this._turns.take(event);
      case 'delta':
        return this._turns.grow(event);
      case 'ended':
        return this._turns.end(event);
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
    this._turns.begin(turn, request, before);
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
      return this._turns.refuse(asking.request, this._store.endingOf(error));
    }
  }

  /** Stop the running request, here at once and on the server. */
  async stop(request: string): Promise<void> {
    const turn = this._turns.stop(request);
    if (turn !== null) {
      await this._inTurn(async () => {
        if (this.id !== null) {
          await this._store.stop(this.id, turn);
        }
      });
    }
  }

  /** Remove a turn. */
  async remove(id: string): Promise<void> {
    if (this._turns.remove(id)) {
      await this._inTurn(() => this._store.remove(this.id!, id));
    }
  }

  /** Whether the server has a turn, so that it can put it back once it is removed. */
  keeps(id: string): boolean {
    return this._turns.keeps(id);
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

  private _takeParameters(parameters: ConversationParameters): void {
    // The same ones stay the same object, so that nothing is drawn over what is being typed.
    if (JSON.stringify(parameters) !== JSON.stringify(this.parameters)) {
      this.parameters = parameters;
    }
  }
}
