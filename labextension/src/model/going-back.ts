/** Going back: to before a turn was deleted, and to earlier versions of one. */
import type { Carrier } from '../carriers/carrier';
import type { Turn } from '../protocol-types';
import type { Signal } from './signal';
import type { TurnList } from './turn-list';

export class GoingBack {
  /** The turn that was removed a moment ago, and can come back. */
  removed: Turn | null = null;

  /**
   * @param _carrier - keeps the turns
   * @param _list - the turns on the page
   * @param _changed - emitted after any change
   */
  constructor(
    private readonly _carrier: Carrier,
    private readonly _list: TurnList,
    private readonly _changed: Signal
  ) {}

  /** Whether turns that others take the place of stay as an earlier version. */
  get keepsVersions(): boolean {
    return this._carrier.choose !== undefined;
  }

  remove(turn: Turn): void {
    this.removed = this._carrier.remove(turn.id) ? turn : null;
    this._list.remove(turn.id);
    this._changed.emit();
  }

  /** Put back the turn that was removed. */
  undo(): void {
    if (this.removed) {
      this._carrier.restore?.(this.removed.id);
    }
    this.forget();
  }

  /** Offer no longer to put a turn back. */
  forget(): void {
    this.removed = null;
    this._changed.emit();
  }

  /** Show another version of a turn, with what followed it. */
  showVersion(turn: Turn, version: number): void {
    this._carrier.choose?.(turn.id, version);
  }
}
