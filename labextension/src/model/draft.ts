/** The question in preparation: its text, and what goes along with it. */
import type { Context } from '../protocol-types';
import type { Attachments } from './attachments';
import type { Signal } from './signal';

export class Draft {
  text = '';
  /** The text that an edited question has taken the place of. */
  aside: string | null = null;
  contexts: readonly Context[] = [];

  /**
   * @param attachments - its files
   * @param _changed - emitted after any change but that of the text
   * @param _complain - takes what went wrong
   */
  constructor(
    readonly attachments: Attachments,
    private readonly _changed: Signal,
    private readonly _complain: (error: unknown) => void
  ) {}

  /** The user's own text, also while an earlier question is edited. */
  get ownText(): string {
    return this.aside ?? this.text;
  }

  get isEmpty(): boolean {
    return !this.ownText && !this.contexts.length && !this.attachments.items.length;
  }

  /** Add context and its pictures, in place of context with the same name. */
  add(context: Context): void {
    this.attachments.removeFrom(context.name);
    this.contexts = [...this.contexts.filter(({ name }) => name !== context.name), context];
    context.pictures?.forEach(picture => {
      this.attachments.add(picture, context.name).catch(this._complain);
    });
    this._changed.emit();
  }

  remove(context: Context): void {
    this.attachments.removeFrom(context.name);
    this.contexts = this.contexts.filter(other => other !== context);
    this._changed.emit();
  }

  /** Leave out all that goes along, because it has been sent. */
  clear(): void {
    this.attachments.clear();
    this.contexts = [];
    this._changed.emit();
  }
}
