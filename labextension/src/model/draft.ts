/** The question in preparation: its text, and what goes along with it. */
import { NOTHING_LEFT_OUT, type Context, type Drawing } from '../protocol-types';
import { attachedAs, PICTURE_LEFT_OUT } from './attached-pictures';
import type { Attachments } from './attachments';
import { pastedName } from './pasted';
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
   * @param _takesTexts - whether texts can go along; otherwise they are files
   */
  constructor(
    readonly attachments: Attachments,
    private readonly _changed: Signal,
    private readonly _complain: (error: unknown) => void,
    private readonly _takesTexts: boolean
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
    for (const picture of context.pictures ?? []) {
      const adding =
        picture instanceof File
          ? this.attachments.add(picture, context.name)
          : this._draw(picture, context.name);
      adding.catch(this._complain);
    }
    this._changed.emit();
  }

  /** Attach a long text. */
  paste(text: string): void {
    const files = this.attachments.items.map(({ name }) => name.replace(/\.txt$/, ''));
    const name = pastedName([...this.contexts.map(({ name: other }) => other), ...files]);
    if (this._takesTexts) {
      this.add({ kind: 'text', name, text });
    } else {
      const file = new File([text], `${name}.txt`, { type: 'text/plain' });
      this.attachments.add(file).catch(this._complain);
    }
  }

  /** Whether a question has to wait for its files; it is sent after them, unless it is changed. */
  waits(send: () => unknown): boolean {
    const { text, attachments } = this;
    if (!text.trim() || !attachments.isBusy) {
      return false;
    }
    const sendIfMeant = (): unknown => text === this.text && send();
    // What a drawing left out is told to its context after it.
    attachments.settled().then(() => setTimeout(sendIfMeant), this._complain);
    return true;
  }

  remove(context: Context): void {
    this.attachments.removeFrom(context.name);
    this.contexts = this.contexts.filter(other => other !== context);
    this._changed.emit();
  }

  /** Attach a drawing; where that is not possible, the text says so. */
  private async _draw(drawing: Drawing, name: string): Promise<void> {
    if (await this.attachments.draw(drawing, name)) {
      return;
    }
    this.contexts = this.contexts.map(context => {
      const { text, left = NOTHING_LEFT_OUT } = context;
      const place = attachedAs(drawing.name);
      return context.name === name && text.includes(place)
        ? {
            ...context,
            text: text.replace(place, PICTURE_LEFT_OUT),
            left: { ...left, pictures: left.pictures + 1 }
          }
        : context;
    });
    this._changed.emit();
  }

  /** Leave out all that goes along, because it has been sent. */
  clear(): void {
    this.attachments.clear();
    this.contexts = [];
    this._changed.emit();
  }
}
