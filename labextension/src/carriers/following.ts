/**
 * A connection over which the server tells of one conversation; it is made again when it breaks.
 *
 * A browser has six connections to a server for all its pages together, so a page that nobody sees
 * keeps none, unless an answer is running.
 */
import type { Api } from './api';
import { CarrierError, codeOf } from './carrier';
import { readEvents, type ConversationEvent } from './conversation-events';

/** The first pause before a connection is made again, and the longest. */
const FIRST_PAUSE_MS = 300;
const LONGEST_PAUSE_MS = 10_000;

/** How long a connection may be missing before the user is told. */
const PATIENCE_MS = 3_000;

/** Silence after which a connection counts as broken; the server sends something every 15 s. */
const LONGEST_SILENCE_MS = 40_000;

export interface Follower {
  take: (event: ConversationEvent) => void;
  /** The connection has been missing for a while, or is there again. */
  lost: (isLost: boolean) => void;
  /** Whether an answer is running, so that even a hidden page listens. */
  isRunning: () => boolean;
}

export class Following {
  /** Settles with the first turns, or with the reason why there are none. */
  readonly begun: Promise<void>;

  private _isClosed = false;
  private _hasBegun = false;
  private _abort = new AbortController();
  private _wake: () => void = () => undefined;
  private _patience: ReturnType<typeof setTimeout> | null = null;
  private _isLost = false;
  private _silence: ReturnType<typeof setTimeout> | null = null;

  constructor(
    private readonly _api: Api,
    private readonly _address: string,
    private readonly _follower: Follower
  ) {
    document.addEventListener('visibilitychange', this._look);
    window.addEventListener('online', this._look);
    this.begun = this._begin();
    // Whoever has no use for it need not handle it.
    this.begun.catch(() => undefined);
  }

  close(): void {
    this._isClosed = true;
    document.removeEventListener('visibilitychange', this._look);
    window.removeEventListener('online', this._look);
    this._abort.abort();
    this._found();
    this._stopListening();
    this._wake();
  }

  private get _isWanted(): boolean {
    return document.visibilityState !== 'hidden' || this._follower.isRunning();
  }

  private readonly _look = (): void => {
    if (this._isWanted) {
      this._wake();
    } else if (this._hasBegun) {
      this._abort.abort();
    }
  };

  private async _begin(): Promise<void> {
    const first = new Promise<void>((resolve, reject) => {
      this._connect(resolve)
        .then(() => reject(this._api.nonsense()))
        .catch(reject)
        .finally(() => {
          if (this._hasBegun) {
            this._goOn().catch(() => undefined);
          }
        });
    });
    await first;
  }

  /** Connect again and again, until it is closed. */
  private async _goOn(): Promise<void> {
    let pause = FIRST_PAUSE_MS;
    for (;;) {
      await this._paused(this._isWanted ? pause : null);
      if (this._isClosed) {
        return;
      }
      try {
        await this._connect(() => (pause = FIRST_PAUSE_MS));
      } catch (error) {
        if (codeOf(error) === 'conversation_not_found') {
          this._follower.take({ type: 'deleted' });
          return;
        }
      }
      pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
    }
  }

  /** Connect once, and follow until the connection ends. */
  private async _connect(onTurns: () => void): Promise<void> {
    this._abort = new AbortController();
    const { signal } = this._abort;
    try {
      const response = await this._api.request(this._address, { signal });
      this._hear();
      await readEvents(response.body!, event => this._take(event, onTurns), this._hear);
    } catch (error) {
      if (error instanceof CarrierError) {
        throw error;
      }
      // A broken connection; the browser's own error says nothing useful.
    } finally {
      this._stopListening();
      this._miss();
    }
  }

  private _take(event: ConversationEvent, onTurns: () => void): void {
    if (this._isClosed) {
      return;
    }
    if (event.type === 'turns') {
      this._hasBegun = true;
      this._found();
      this._follower.take(event);
      onTurns();
    } else if (this._hasBegun) {
      this._follower.take(event);
    }
    this._look();
  }

  private readonly _hear = (): void => {
    this._stopListening();
    const { _abort: abort } = this;
    this._silence = setTimeout(() => abort.abort(), LONGEST_SILENCE_MS);
  };

  private _stopListening(): void {
    if (this._silence !== null) {
      clearTimeout(this._silence);
      this._silence = null;
    }
  }

  private _miss(): void {
    if (this._hasBegun && !this._isClosed && this._isWanted) {
      this._patience ??= setTimeout(() => {
        this._isLost = true;
        this._follower.lost(true);
      }, PATIENCE_MS);
    }
  }

  private _found(): void {
    if (this._patience !== null) {
      clearTimeout(this._patience);
      this._patience = null;
    }
    if (this._isLost) {
      this._isLost = false;
      this._follower.lost(false);
    }
  }

  /** Wait, until somebody wakes it at the latest. */
  private _paused(milliseconds: number | null): Promise<void> {
    return new Promise(resolve => {
      const timer = milliseconds === null ? null : setTimeout(resolve, milliseconds);
      this._wake = () => {
        if (timer !== null) {
          clearTimeout(timer);
        }
        resolve();
      };
    });
  }
}
