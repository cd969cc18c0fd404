/**
 * Questions that wait until the answer before them has ended; each conversation has its own.
 *
 * A browser's tab that is duplicated has the same ones. Their ids are those of the turns that they
 * become, so the server takes each once, and what one tab has sent goes from the other's queue.
 */
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

  /** Add a question at the end. */
  add(question: Omit<Queued, 'id'>): void {
    this._set([...this.items, { id: newId(), ...question }]);
  }

  /** Put questions in front that waited before, or were sent in vain. */
  restore(questions: readonly Queued[]): void {
    this._set([...questions, ...this.items]);
  }

  /** Give a question other words. */
  change(question: Queued, prompt: string): void {
    this._set(this.items.map(other => (other === question ? { ...other, prompt } : other)));
  }

  remove(question: Queued): void {
    this._set(this.items.filter(other => other !== question));
  }

  /** Take away what is among these turns already, because another tab has sent it. */
  leaveOut(turns: readonly string[]): void {
    if (this.items.some(({ id }) => turns.includes(id))) {
      this._set(this.items.filter(({ id }) => !turns.includes(id)));
    }
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
