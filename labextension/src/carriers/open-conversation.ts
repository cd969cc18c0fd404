/**
 * An open conversation from the server's store: its turns, and how they are stored.
 *
 * Asking is in `server.ts`. Operations on the store run one at a time: a write finishes before its
 * conversation is deleted, and nothing is written afterwards. If another window has written in the
 * meantime, our turns go into a copy, so that neither version is lost.
 */
import { beginningOf, LONGEST_WORD, plainText } from '../model/plain-text';
import type { Ending, Turn } from '../protocol-types';
import { codeOf } from './carrier';
import type { Conversations, Format, Stored } from './conversations';

/** Longest name made from a question, in characters. */
const LONGEST_NAME = 60;

/** The suffix of a copy's name. */
const COPY = ' (2)';

export class OpenConversation {
  id: string | null = null;
  name = '';
  turns: readonly Turn[] = [];
  /** Its running request. */
  running: string | null = null;

  private _revision = 0;
  private _queue: Promise<unknown> = Promise.resolve();
  private _queued = 0;
  private _nextWrite: Promise<void> | null = null;
  private _isDeleted = false;

  constructor(private readonly _store: Conversations) {}

  /** Whether it has been deleted from the store, or is about to be. */
  get isDeleted(): boolean {
    return this._isDeleted;
  }

  /** Whether the store does not have its latest state yet. */
  get isBusy(): boolean {
    return this.running !== null || this._queued > 0;
  }

  /** Load the stored state; returns this conversation. */
  take(stored: Stored): this {
    this.id = stored.id;
    this.name = stored.name;
    this._revision = stored.revision;
    // Nobody waits any longer for an answer that was running when the state was stored.
    this.turns = stored.turns.map(turn =>
      turn.state === 'running' ? { ...turn, state: 'stopped' } : turn
    );
    return this;
  }

  find(id: string): Turn | undefined {
    return this.turns.find(turn => turn.id === id);
  }

  /** Begin a turn, after removing the turns from `before` on. */
  begin(turn: Turn, before: string | null): void {
    const index = this.turns.findIndex(({ id }) => id === before);
    this.turns = [...this.turns.slice(0, index < 0 ? undefined : index), turn];
  }

  /** Change a turn, unless it has been removed. */
  change(id: string, change: Ending & { answer?: string; reasoning?: string }): void {
    this.turns = this.turns.map(turn => (turn.id === id ? { ...turn, ...change } : turn));
  }

  remove(id: string): void {
    this.turns = this.turns.filter(turn => turn.id !== id);
  }

  /**
   * Queue a write of the turns, in their state when it runs; a deleted conversation is not written.
   *
   * @throws CarrierError if the server refuses
   */
  write(): Promise<void> {
    this._nextWrite ??= this._inTurn(() => {
      this._nextWrite = null;
      return this._write();
    });
    return this._nextWrite;
  }

  /** Rename it. */
  rename(name: string): Promise<void> {
    return this._inTurn(async () => {
      this.name = (await this._store.rename(this.id!, name)).name;
    });
  }

  /** Return it as the text of a file. */
  export(format: Format): Promise<string> {
    return this._inTurn(() => this._store.export(this.id!, format));
  }

  /** Delete it from the store; nothing is written from now on, unless the server refuses. */
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
    this._queued += 1;
    const done = this._queue.then(work).finally(() => (this._queued -= 1));
    this._queue = done.catch(() => undefined);
    return done;
  }

  private async _write(): Promise<void> {
    if (this._isDeleted) {
      return;
    }
    if (this.id === null) {
      this.name ||= nameFor(this.turns);
      await this._keepAsNew();
      return;
    }
    try {
      const { revision } = await this._store.write(this.id, this.turns, this._revision);
      this._revision = revision;
    } catch (error) {
      const code = codeOf(error);
      if (code !== 'conversation_changed' && code !== 'conversation_not_found') {
        throw error;
      }
      this.name = code === 'conversation_changed' ? nameOfCopy(this.name) : this.name;
      await this._keepAsNew();
    }
  }

  private async _keepAsNew(): Promise<void> {
    const { id, name, revision } = await this._store.create(this.name, this.turns);
    this.id = id;
    this.name ||= name;
    this._revision = revision;
  }
}

/** Name a conversation after its first question. */
function nameFor(turns: readonly Turn[]): string {
  const line = turns[0]?.prompt.trim().split('\n', 1)[0];
  return plainText(line, LONGEST_NAME);
}

function nameOfCopy(name: string): string {
  return beginningOf(name, LONGEST_WORD - COPY.length) + COPY;
}
