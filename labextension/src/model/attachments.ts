/**
 * The files attached to the next question: uploading, uploaded, or refused.
 *
 * Limits are checked before a byte is sent. The carrier does the upload.
 */
import type { Carrier } from '../carriers/carrier';
import type { Words } from '../translation';
import { newId, type Drawing, type Limits, type Part } from '../protocol-types';
import { sentenceOf } from './plain-text';
import type { SentFiles } from './sent-files';
import type { Signal } from './signal';

export interface Attachment {
  readonly id: string;
  readonly name: string;
  readonly bytes: number;
  /** Its bytes; null if they are no longer on this page, because it was loaded again. */
  readonly file: File | null;
  /** Where it is from: the name of the context that it belongs to, or a path; '' if unknown. */
  readonly from: string;
  /** The uploaded share, 0 to 1. */
  progress: number;
  part: Part | null;
  error: string | null;
}

/** What stays of a file while a page is loaded again. */
export interface Uploaded {
  readonly name: string;
  readonly bytes: number;
  readonly from: string;
  readonly part: Part;
}

const MIB = 2 ** 20;

export class Attachments {
  items: readonly Attachment[] = [];
  private readonly _uploads = new Map<string, AbortController>();
  private readonly _pending = new Set<Promise<void>>();

  constructor(
    private readonly _carrier: Carrier,
    private readonly _limits: () => Limits,
    private readonly _changed: Signal,
    private readonly _words: Words,
    private readonly _sent: SentFiles
  ) {}

  /** Whether a file is still being uploaded. */
  get isBusy(): boolean {
    return this.items.some(({ part, error }) => !part && !error);
  }

  /** The files that could not be attached. */
  get failed(): readonly Attachment[] {
    return this.items.filter(({ error }) => error !== null);
  }

  get parts(): Part[] {
    return this.items.flatMap(({ part }) => (part ? [part] : []));
  }

  /** Resolves when every file is uploaded or refused. */
  async settled(): Promise<void> {
    while (this._pending.size) {
      await Promise.all(this._pending);
    }
  }

  /**
   * Attach a file; resolves when it is uploaded or refused.
   *
   * @param from - the name of the context that it belongs to, or a path
   */
  add(file: File, from = ''): Promise<void> {
    return this._settling(this._add(file, from));
  }

  /** Draw a picture, and attach it; resolves to whether it could be drawn. */
  async draw(drawing: Drawing, from = ''): Promise<boolean> {
    const item = this._begin(drawing.name, 0, null, from);
    const adding = drawing.draw().then(
      async file => {
        if (this.items.some(({ id }) => id === item.id)) {
          this._update(item, { file, bytes: file.size, error: this._refusal(file) });
          await this._upload(item, file);
        }
        return true;
      },
      () => {
        this.remove(item);
        return false;
      }
    );
    await this._settling(adding.then(() => undefined));
    return adding;
  }

  /** Put back what was uploaded before the page was loaded again. */
  restore(items: readonly Uploaded[]): void {
    const restored = items.map(item => ({
      ...item,
      id: newId(),
      file: null,
      progress: 1,
      error: null
    }));
    this.items = [...restored, ...this.items];
    this._changed.emit();
  }

  /** Remove a file, and stop its upload. */
  remove(item: Attachment): void {
    this._uploads.get(item.id)?.abort();
    this.items = this.items.filter(other => other.id !== item.id);
    this._changed.emit();
  }

  /** Remove the files that came with a context. */
  removeFrom(from: string): void {
    this.items.filter(item => item.from === from).forEach(item => this.remove(item));
  }

  clear(): void {
    this.items.forEach(item => this.remove(item));
  }

  private _settling(adding: Promise<void>): Promise<void> {
    const settling = adding.finally(() => this._pending.delete(settling));
    this._pending.add(settling);
    return settling;
  }

  private async _add(file: File, from: string): Promise<void> {
    const error = this._refusal(file);
    await this._upload(this._begin(file.name, file.size, file, from, error), file);
  }

  private _begin(
    name: string,
    bytes: number,
    file: File | null,
    from: string,
    error: string | null = null
  ): Attachment {
    const item = { id: newId(), name, bytes, file, from, progress: 0, part: null, error };
    this.items = [...this.items, item];
    this._changed.emit();
    return item;
  }

  private async _upload({ id }: Attachment, file: File): Promise<void> {
    const item = this.items.find(other => other.id === id);
    if (!item || item.error) {
      return;
    }
    const upload = new AbortController();
    this._uploads.set(id, upload);
    try {
      const progress = (share: number): void => this._update(item, { progress: share });
      const part = await this._carrier.upload(file, progress, upload.signal);
      this._sent.keep(file, part);
      this._update(item, { part });
    } catch (error) {
      this._update(item, { error: sentenceOf(error) });
    } finally {
      this._uploads.delete(id);
    }
  }

  private _refusal(file: File): string | null {
    const { attachment_bytes: most, attachments_bytes: mostTogether } = this._limits();
    const there = this.items.filter(({ error }) => !error);
    const together = there.reduce((sum, { bytes }) => sum + bytes, file.size);
    if (file.size > most) {
      return this._words.__(
        'This file has %1; the limit for a file in a chat is %2.',
        inMegabytes(file.size),
        inMegabytes(most)
      );
    }
    if (together > mostTogether) {
      return this._words.__(
        'All files together have %1; the limit is %2.',
        inMegabytes(together),
        inMegabytes(mostTogether)
      );
    }
    return file.size ? null : this._words.__('This file is empty.');
  }

  private _update(item: Attachment, change: Partial<Attachment>): void {
    this.items = this.items.map(other => (other.id === item.id ? { ...other, ...change } : other));
    this._changed.emit();
  }
}

function inMegabytes(bytes: number): string {
  return `${(bytes / MIB).toFixed(bytes % MIB ? 1 : 0)} MB`;
}
