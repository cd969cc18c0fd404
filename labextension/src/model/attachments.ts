/**
 * The files attached to the next question: uploading, uploaded, or refused.
 *
 * Limits are checked before a byte is sent. The carrier does the upload.
 */
import type { Carrier } from '../carriers/carrier';
import type { Words } from '../translation';
import { newId, type Limits, type Part } from '../protocol-types';
import { sentenceOf } from './plain-text';
import type { Signal } from './signal';

export interface Attachment {
  readonly id: string;
  readonly name: string;
  readonly bytes: number;
  /** The uploaded share, 0 to 1. */
  progress: number;
  part: Part | null;
  error: string | null;
}

const MIB = 2 ** 20;

export class Attachments {
  items: readonly Attachment[] = [];
  private readonly _uploads = new Map<string, AbortController>();

  constructor(
    private readonly _carrier: Carrier,
    private readonly _limits: () => Limits,
    private readonly _changed: Signal,
    private readonly _words: Words
  ) {}

  /** Whether a file is still being uploaded. */
  get isBusy(): boolean {
    return this.items.some(({ part, error }) => !part && !error);
  }

  get parts(): Part[] {
    return this.items.flatMap(({ part }) => (part ? [part] : []));
  }

  /** Attach a file; resolves when it is uploaded or refused. */
  async add(file: File): Promise<void> {
    const item: Attachment = {
      id: newId(),
      name: file.name,
      bytes: file.size,
      progress: 0,
      part: null,
      error: this._refusal(file)
    };
    this.items = [...this.items, item];
    this._changed.emit();
    if (item.error) {
      return;
    }
    const upload = new AbortController();
    this._uploads.set(item.id, upload);
    try {
      const progress = (share: number): void => this._update(item, { progress: share });
      this._update(item, { part: await this._carrier.upload(file, progress, upload.signal) });
    } catch (error) {
      this._update(item, { error: sentenceOf(error) });
    } finally {
      this._uploads.delete(item.id);
    }
  }

  /** Remove a file, and stop its upload. */
  remove(item: Attachment): void {
    this._uploads.get(item.id)?.abort();
    this.items = this.items.filter(other => other.id !== item.id);
    this._changed.emit();
  }

  clear(): void {
    this.items.forEach(item => this.remove(item));
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
