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
  readonly file: File;
  /** Where it is from: the name of the context that it belongs to, or a path; '' if unknown. */
  readonly from: string;
  /** The uploaded share, 0 to 1. */
  progress: number;
  part: Part | null;
  error: string | null;
}

const MIB = 2 ** 20;

/** How many sent pictures stay on the page. */
const MOST_KEPT = 20;

export class Attachments {
  items: readonly Attachment[] = [];
  private readonly _uploads = new Map<string, AbortController>();
  /** Pictures sent from this page, by the id or hash of their file. */
  private readonly _sent = new Map<string, File>();
  private readonly _pending = new Set<Promise<void>>();

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
    const adding = this._add(file, from).finally(() => this._pending.delete(adding));
    this._pending.add(adding);
    return adding;
  }

  /**
   * Get the bytes of a picture that was sent.
   *
   * @throws Error with a message for the user
   */
  async download(part: Part): Promise<Blob> {
    if (part.type === 'image_url') {
      const { url } = part.image_url;
      if (url.startsWith('data:image/')) {
        return (await fetch(url)).blob();
      }
    }
    const file = part.type === 'file' ? part.file : {};
    const sent = this._sent.get(file.file_id ?? file.sha256 ?? '');
    if (sent) {
      return sent;
    }
    if (!file.file_id || !this._carrier.download) {
      throw new Error(this._words.__('The picture was sent, but it is no longer on this page.'));
    }
    return this._carrier.download(file);
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

  private async _add(file: File, from: string): Promise<void> {
    const item: Attachment = {
      id: newId(),
      name: file.name,
      bytes: file.size,
      file,
      from,
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
      const part = await this._carrier.upload(file, progress, upload.signal);
      this._keep(file, part);
      this._update(item, { part });
    } catch (error) {
      this._update(item, { error: sentenceOf(error) });
    } finally {
      this._uploads.delete(item.id);
    }
  }

  /** Keep a picture for whoever looks at it after it was sent; only the latest ones. */
  private _keep(file: File, part: Part): void {
    const key = part.type === 'file' ? (part.file.file_id ?? part.file.sha256) : undefined;
    if (key && file.type.startsWith('image/')) {
      this._sent.set(key, file);
      const oldest = [...this._sent.keys()][0]!;
      if (this._sent.size > MOST_KEPT) {
        this._sent.delete(oldest);
      }
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
