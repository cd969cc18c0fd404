/**
 * The turns of an open conversation: as the server tells them, and a question that it does not have.
 *
 * The server owns the turns. A question is shown at once, and stays until the server has it, or for
 * as long as the server does not want it. What is asked of the server is in `open-conversation.ts`.
 */
import type { Ending, Turn } from '../protocol-types';
import type { CarrierEvent } from './carrier';
import type { ConversationEvent } from './conversation-events';

type Told<T extends ConversationEvent['type']> = Extract<ConversationEvent, { type: T }>;

/** A question that the server does not have yet, or does not want. */
interface Unsent {
  turn: Turn;
  request: string;
  before: string | null;
  /** The turns whose place it takes, as long as it is not refused. */
  hidden: readonly Turn[];
}

const IDLE = { running: null, answering: null };

export class ConversationTurns {
  all: readonly Turn[] = [];
  /** The running request, and the turn that it answers. */
  running: string | null = null;
  answering: string | null = null;

  /** What the server has last said about what runs. */
  private _told: { running: string | null; answering: string | null } = IDLE;
  private _unsent: Unsent | null = null;
  /** What was stopped here, of which the server may still tell. */
  private _stopped: { request: string; turn: string } | null = null;

  /** Everything that there is now, for whoever begins to show it. */
  get shown(): CarrierEvent {
    return this._event(this.all);
  }

  /** Show a question before the server has it. */
  begin(turn: Turn, request: string, before: string | null): void {
    const refused = this._unsent?.turn.id;
    this._unsent = { turn, request, before, hidden: [] };
    this.all = this._withUnsent(this.all);
    this._unsent.hidden = this._unsent.hidden.filter(({ id }) => id !== refused);
    this.running = request;
    this.answering = turn.id;
  }

  /** Stop the running request here; returns the turn that it answered, or null if it is over. */
  stop(request: string): string | null {
    const turn = this.answering;
    if (this.running !== request || turn === null) {
      return null;
    }
    this._stopped = { request, turn };
    this.running = null;
    this._change(turn, { state: 'stopped' });
    return turn;
  }

  /** Take a turn away here; returns whether the server has it, too. */
  remove(id: string): boolean {
    const isTheirs = this.keeps(id);
    this.all = this.all.filter(turn => turn.id !== id);
    this._unsent = isTheirs ? this._unsent : null;
    return isTheirs;
  }

  /** Whether the server has a turn, so that it can put it back once it is removed. */
  keeps(id: string): boolean {
    return this._unsent?.turn.id !== id;
  }

  /** Take the turns that the server tells; returns what changes on the page. */
  take({ ids, turns, running, answering }: Told<'turns'>): CarrierEvent {
    this._told = { running, answering };
    const before = this._known;
    if (this._unsent && ids.includes(this._unsent.turn.id)) {
      this._unsent = null;
    }
    // Turns that have not changed stay the same objects, so that they are not drawn again.
    const known = new Map(before.map(turn => [turn.id, turn]));
    const news = turns.filter(turn => !isSame(turn, known.get(turn.id)));
    news.forEach(turn => known.set(turn.id, turn));
    this.all = this._withUnsent(ids.flatMap(id => known.get(id) ?? []));
    if (running !== this._stopped?.request) {
      this._stopped = null;
      if (this._unsent?.turn.state !== 'running') {
        this.running = running;
        this.answering = answering;
      }
    } else {
      this._change(this._stopped.turn, { state: 'stopped' });
    }
    const changed = new Set(news.map(({ id }) => id));
    return this._event(this.all.filter(({ id }) => changed.has(id)));
  }

  /** Take the next piece of an answer; returns what changes on the page. */
  grow(event: Told<'delta'>): CarrierEvent | null {
    const { request, text, reasoning } = event;
    const turn = this._turnOf(request);
    if (!turn) {
      return null;
    }
    this._change(turn.id, { answer: turn.answer + text, reasoning: turn.reasoning + reasoning });
    // On the page, only one answer grows at a time; another one is shown once ours is refused.
    return request === this.running ? event : null;
  }

  /** Take the end of an answer; returns what changes on the page. */
  end({ request, turn: ending }: Told<'ended'>): CarrierEvent | null {
    const turn = this._turnOf(request);
    this._told = IDLE;
    const news = turn ? this._change(turn.id, ending) : [];
    if (request === this.running) {
      this.running = null;
      return { type: 'ended', request, turn: ending };
    }
    if (request === this._stopped?.request) {
      this._stopped = null;
    }
    // It was stopped here, and what came after the click is part of it; or it is another window's,
    // which ends before the server has refused our own question.
    return news.length ? this._event(news) : null;
  }

  /**
   * The server does not take a question: it stays at the end, and the turns whose place it had taken
   * are there again. Returns what changes on the page first; all that is `shown` is to follow.
   */
  refuse(request: string, ending: Ending): CarrierEvent | null {
    const unsent = this._unsent;
    if (unsent?.request !== request) {
      return null;
    }
    const turn = { ...unsent.turn, ...ending };
    const others = this.all.filter(({ id }) => id !== turn.id);
    this._unsent = { turn, request, before: null, hidden: [] };
    this.all = [...others, ...unsent.hidden, turn];
    this.running = this._told.running;
    this.answering = this._told.answering;
    return { type: 'ended', request, turn: ending };
  }

  /** All turns, those too whose place an unsent question takes. */
  private get _known(): readonly Turn[] {
    return [...this.all, ...(this._unsent?.hidden ?? [])];
  }

  /** The turn that a request answers: our own, one that was stopped here, or another window's. */
  private _turnOf(request: string): Turn | undefined {
    const answers: [string | null | undefined, string | null | undefined][] = [
      [this.running, this.answering],
      [this._stopped?.request, this._stopped?.turn],
      [this._told.running, this._told.answering]
    ];
    const id = answers.find(([running]) => running === request)?.[1];
    return this._known.find(turn => turn.id === id);
  }

  /** Return turns with the unsent one in its place, and remember those that it hides. */
  private _withUnsent(turns: readonly Turn[]): readonly Turn[] {
    if (!this._unsent) {
      return turns;
    }
    const { turn, before } = this._unsent;
    const index = turns.findIndex(({ id }) => id === before);
    const place = index < 0 ? turns.length : index;
    this._unsent.hidden = turns.slice(place);
    return [...turns.slice(0, place), turn];
  }

  /** Change a turn; returns it if it is shown. */
  private _change(id: string, change: Ending & { answer?: string; reasoning?: string }): Turn[] {
    const changed = (turn: Turn): Turn => (turn.id === id ? { ...turn, ...change } : turn);
    this.all = this.all.map(changed);
    if (this._unsent) {
      this._unsent.hidden = this._unsent.hidden.map(changed);
    }
    return this.all.filter(turn => turn.id === id);
  }

  private _event(news: readonly Turn[]): CarrierEvent {
    return {
      type: 'turns',
      ids: this.all.map(({ id }) => id),
      turns: news,
      running: this.running,
      answering: this.answering
    };
  }
}

/** Whether a turn is as it was; a conversation that is opened has none to compare. */
function isSame(turn: Turn, before: Turn | undefined): boolean {
  return before !== undefined && JSON.stringify(turn) === JSON.stringify(before);
}
