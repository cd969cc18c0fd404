/**
 * This file is a conversation of the server's store that is open here: its turns, and their way
 * into the store.
 *
 * Asking is left to `server.ts`. Turns are written one after the other; where another window wrote
 * meanwhile, ours go into a copy, so that nothing of either is lost.
 */
import type { Ending, Turn } from '../words';
import { CarrierError } from './carrier';
import type { Conversations, Stored } from './conversations';

const LONGEST_NAME = 60;

export class OpenConversation {
  id: string | null;
  name: string;
  turns: readonly Turn[];
  /** The request that runs in it. */
  running: string | null = null;

  private _revision: number;
  private _writing: Promise<void> = Promise.resolve();
  private _isWaiting = false;

  constructor(
    private readonly _store: Conversations,
    stored: Stored | null = null
  ) {
    this.id = stored?.id ?? null;
    this.name = stored?.name ?? '';
    this._revision = stored?.revision ?? 0;
    // Nobody waits for an answer that was running when it was written.
    this.turns = (stored?.turns ?? []).map(turn =>
      turn.state === 'running' ? { ...turn, state: 'stopped' } : turn
    );
  }

  get last(): Turn | undefined {
    return this.turns[this.turns.length - 1];
  }

  /** Begin a turn, after forgetting those from another one on. */
  begin(turn: Turn, before: string | null): void {
    const index = this.turns.findIndex(({ id }) => id === before);
    this.turns = [...this.turns.slice(0, index < 0 ? undefined : index), turn];
  }

  /** Change the last turn. */
  change(change: Ending & { answer?: string; reasoning?: string }): void {
    if (this.last) {
      this.turns = [...this.turns.slice(0, -1), { ...this.last, ...change }];
    }
  }

  remove(id: string): void {
    this.turns = this.turns.filter(turn => turn.id !== id);
  }

  /**
   * Write the turns as they are now.
   *
   * @throws CarrierError where the server refuses
   */
  write(): Promise<void> {
    if (!this._isWaiting) {
      this._isWaiting = true;
      this._writing = this._writing.catch(() => undefined).then(() => this._write());
    }
    return this._writing;
  }

  private async _write(): Promise<void> {
    this._isWaiting = false;
    if (this.id === null) {
      this.name ||= nameFor(this.turns);
      await this._keepAsNew();
      return;
    }
    try {
      const { revision } = await this._store.write(this.id, this.turns, this._revision);
      this._revision = revision;
    } catch (error) {
      const { code } = error as CarrierError;
      if (code !== 'conversation_changed' && code !== 'conversation_not_found') {
        throw error;
      }
      this.name = code === 'conversation_changed' ? `${this.name} (2)` : this.name;
      await this._keepAsNew();
    }
  }

  private async _keepAsNew(): Promise<void> {
    const { id, revision } = await this._store.create(this.name, this.turns);
    this.id = id;
    this._revision = revision;
  }
}

/** Name a conversation after its first question. */
function nameFor(turns: readonly Turn[]): string {
  const line = turns[0]?.prompt.trim().split('\n')[0] ?? '';
  const letters = Array.from(line);
  return letters.length > LONGEST_NAME
    ? `${letters
        .slice(0, LONGEST_NAME - 1)
        .join('')
        .trimEnd()}…`
    : line;
}
