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
  /** What was chosen to go along and is not there yet. */
  private readonly _coming = new Set<Promise<void>>();

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

  /** Whether something that goes along is not there yet. */
  get isBusy(): boolean {
    return this._coming.size > 0 || this.attachments.isBusy;
  }

  /** Have a question wait for what was chosen to go along; it is not sent if that fails. */
  async expect(coming: Promise<void>): Promise<void> {
    this._coming.add(coming);
    this._changed.emit();
    try {
      await coming;
    } finally {
      this._coming.delete(coming);
      this._changed.emit();
    }
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

  /** Whether a question has to wait for what goes along; it is sent then, unless it is changed. */
  waits(send: () => unknown): boolean {
    const { text } = this;
    if (!text.trim() || !this.isBusy) {
      return false;
    }
    const sendIfMeant = (): unknown => text === this.text && send();
    // What a drawing left out is told to its context after it.
    this._settled().then(isThere => isThere && setTimeout(sendIfMeant), this._complain);
    return true;
  }

  /** Resolves when nothing is awaited any more, to whether all that was chosen has come. */
  private async _settled(): Promise<boolean> {
    const chosen = await Promise.allSettled(this._coming);
    await this.attachments.settled();
    return chosen.every(({ status }) => status === 'fulfilled');
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
