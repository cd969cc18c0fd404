/** Questions that wait until the answer before them has ended; each conversation has its own. */
import { newId, type Context, type Part } from '../protocol-types';
import type { Signal } from './signal';

export interface Queued {
  readonly id: string;
  readonly prompt: string;
  readonly files: readonly Part[];
  readonly contexts: readonly Context[];
}

export class Queue {
  items: readonly Queued[] = [];

  /** Those of conversations that are not shown. */
  private readonly _others = new Map<string, readonly Queued[]>();

  /** @param _changed - emitted after any change */
  constructor(private readonly _changed: Signal) {}

  /** Add a question at the end, or in front of all others. */
  add(question: Omit<Queued, 'id'>, isFirst = false): void {
    const queued = { id: newId(), ...question };
    this._set(isFirst ? [queued, ...this.items] : [...this.items, queued]);
  }

  /** Give a question other words. */
  change(question: Queued, prompt: string): void {
    this._set(this.items.map(other => (other === question ? { ...other, prompt } : other)));
  }

  remove(question: Queued): void {
    this._set(this.items.filter(other => other !== question));
  }

  /** Another conversation is shown now; null is a new one. */
  show(from: string | null, to: string | null): void {
    if (from !== null) {
      this._others.set(from, this.items);
    }
    this._set(to === null ? [] : (this._others.get(to) ?? []));
  }

  private _set(items: readonly Queued[]): void {
    this.items = items;
    this._changed.emit();
  }
}
