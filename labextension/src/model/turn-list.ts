/**
 * The turns of the conversation on the page, and the answer that is growing.
 *
 * Late events of a request that is no longer running are ignored, so a stopped answer does not
 * change.
 */
import type { CarrierEvent } from '../carriers/carrier';
import type { Turn } from '../protocol-types';

type TurnsEvent = Extract<CarrierEvent, { type: 'turns' }>;

export class TurnList {
  turns: readonly Turn[] = [];
  running: string | null = null;

  /** The turn that the running request answers; others may run elsewhere at the same time. */
  private _answering: string | null = null;
  /** Whether the running request's question has been sent but has not begun yet. */
  private _isUnderway = false;
  /** The request that ended last; a list of turns from before its end still calls it running. */
  private _ended: string | null = null;

  /** Send a question, which begins a moment later. */
  send(request: string): void {
    this.running = request;
    this._isUnderway = true;
  }

  /** Forget a question that could not be sent; nothing else is forgotten. */
  giveUp(): void {
    // If nothing has begun, no end will follow.
    this._isUnderway = false;
    // What could not be stopped runs on.
    this._ended = null;
    this.running = this._growing ? this.running : null;
  }

  /** Let go of what runs, because another conversation is shown; a question may be on its way to it. */
  leave(request: string | null): void {
    this._isUnderway = request !== null;
    this.running = request;
    this._answering = null;
  }

  begin(turn: Turn, before: string | null): void {
    this._isUnderway = false;
    this._answering = turn.id;
    const index = this.turns.findIndex(({ id }) => id === before);
    const kept = this.turns.slice(0, index < 0 ? undefined : index);
    // A list of the turns may already have contained it.
    this.turns = [...kept.filter(({ id }) => id !== turn.id), turn];
  }

  /** Show the turns as they are now; returns the turn whose answer has ended meanwhile, if any. */
  show({ ids, turns, running, answering = null }: TurnsEvent): Turn | null {
    const before = this._growing;
    const isLate = running !== null && running === this._ended;
    const newest = isLate ? [...turns, ...this.turns] : [...this.turns, ...turns];
    const known = new Map(newest.map(turn => [turn.id, turn]));
    this.turns = ids.flatMap(id => known.get(id) ?? []);
    // An event from before our question arrived does not know about it.
    if (!this._isUnderway) {
      const last = this.turns[this.turns.length - 1];
      this.running = isLate ? null : running;
      this._answering = this.running === null ? null : (answering ?? last?.id ?? null);
    }
    const after = before && known.get(before.id);
    return after && ids.includes(after.id) && after.state !== 'running' ? after : null;
  }

  grow(text: string, reasoning: string): void {
    const turn = this._growing;
    if (turn) {
      this._change({
        ...turn,
        answer: turn.answer + text,
        reasoning: turn.reasoning + reasoning
      });
    }
  }

  /** End the running request; returns the turn that it answered, if it is still there. */
  end(ending: Partial<Turn>): Turn | null {
    const turn = this._growing;
    this._ended = this.running;
    this.running = null;
    this._isUnderway = false;
    if (!turn) {
      return null;
    }
    const ended = { ...turn, ...ending };
    this._change(ended);
    return ended;
  }

  remove(id: string): void {
    this.turns = this.turns.filter(turn => turn.id !== id);
  }

  /** The turn whose answer is still growing, unless it has been removed elsewhere. */
  private get _growing(): Turn | undefined {
    return this.turns.find(({ id, state }) => id === this._answering && state === 'running');
  }

  private _change(turn: Turn): void {
    this.turns = this.turns.map(other => (other.id === turn.id ? turn : other));
  }
}
