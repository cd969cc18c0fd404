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

  /** Those of conversations that are not shown, by their ids; '' is the new one. */
  private readonly _others = new Map<string, readonly Queued[]>();
  private _shown = '';

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

  /** Put questions in front that waited before the page was loaded again. */
  restore(questions: readonly Omit<Queued, 'id'>[]): void {
    this._set([...questions.map(question => ({ id: newId(), ...question })), ...this.items]);
  }

  /** Show the questions of another conversation. */
  show(conversation: string): void {
    this._others.set(this._shown, this.items);
    this._shown = conversation;
    this._set(this._others.get(conversation) ?? []);
  }

  /** The new conversation has got an id. */
  begin(conversation: string): void {
    this._shown = conversation;
  }

  private _set(items: readonly Queued[]): void {
    this.items = items;
    this._changed.emit();
  }
}
