/**
 * What a conversation's page holds that was not sent yet: a draft, and questions that wait.
 *
 * Each conversation has its own, the new one too, and it outlives a reload of the page if there is a
 * shelf to put it on. What a shelf is, and when it is written, is for `lab/page-shelf.ts`.
 */
import type { Context } from '../protocol-types';
import type { Words } from '../translation';
import type { Uploaded } from './attachments';
import type { Draft } from './draft';
import type { Queue, Queued } from './queue';
import { Signal } from './signal';

/** What stays of a conversation's draft and waiting questions while a page is loaded again. */
export interface Kept {
  text: string;
  contexts: readonly Context[];
  files: readonly Uploaded[];
  queue: readonly Queued[];
  /** The names of what cannot be put back: files that were not uploaded. */
  lost: readonly string[];
}

export interface Shelf {
  /** What was kept for a conversation; null if there is nothing. */
  read(conversation: string): Kept | null;
  /**
   * Keep something for a conversation, a moment later.
   *
   * @param take - called then; null keeps nothing
   */
  write(conversation: string, take: () => Kept | null): void;
}

/** The conversation that has no id yet. */
const NEW = '';

export class Drafts {
  /** Emitted with a text that takes the place of the draft's, for the user to go on with. */
  readonly offered = new Signal<string>();
  /** Emitted when another draft is shown. */
  readonly swapped = new Signal();
  /** The draft of the conversation that is shown. */
  current: Draft;

  private _shown = NEW;
  private _shelf: Shelf | null = null;
  private readonly _drafts = new Map<string, Draft>();
  /** The conversations whose things are on the page already. */
  private readonly _taken = new Set<string>();
  /** What was put on the shelf last. */
  private _noted: readonly unknown[] = [];

  /**
   * @param _queue - the questions that wait
   * @param _begin - makes an empty draft
   * @param _words - translates what is said of lost files
   * @param _complain - says it
   */
  constructor(
    private readonly _queue: Queue,
    private readonly _begin: () => Draft,
    private readonly _words: Words,
    private readonly _complain: (sentence: string) => void
  ) {
    this.current = _begin();
  }

  /** The user has written something. */
  write(text: string): void {
    this.current.text = text;
    this.note();
  }

  /** Put a text in the place of the draft's, for the user to go on with. */
  offer(text: string): void {
    this.write(text);
    this.offered.emit(text);
  }

  /** The text was sent; one that an edited question had taken the place of comes back. */
  sent(): void {
    const { current: draft } = this;
    draft.text = draft.aside ?? '';
    draft.aside = null;
    this.note();
    this.swapped.emit();
  }

  /** Put back what a shelf has, and keep things there from now on. */
  use(shelf: Shelf): void {
    this._shelf = shelf;
    this._take();
    this.swapped.emit();
  }

  /** Show another conversation; null is a new one. */
  show(id: string | null): void {
    const conversation = id ?? NEW;
    this._drafts.set(this._shown, this.current);
    this._shown = conversation;
    this.current = this._drafts.get(conversation) ?? this._begin();
    this._queue.show(conversation);
    this._take();
    this.swapped.emit();
  }

  /** The new conversation, which is shown, has got an id. */
  begin(id: string): void {
    this._shelf?.write(this._shown, () => null);
    this._shown = id;
    this._queue.begin(id);
    this._drafts.delete(NEW);
    this._taken.add(id);
    this.note();
  }

  /** Have the conversation that is shown use a draft that was begun before it was there. */
  adopt(draft: Draft): void {
    this._drafts.forEach((other, conversation) => {
      if (other === draft) {
        this._drafts.delete(conversation);
      }
    });
    this.current = draft;
    this.swapped.emit();
  }

  /** Keep what there is now, if anything has changed. */
  note(): void {
    if (!this._shelf) {
      return;
    }
    const { current: draft, _shown: shown, _queue: queue } = this;
    const now = [shown, draft.ownText, draft.contexts, draft.attachments.items, queue.items];
    if (now.some((value, index) => value !== this._noted[index])) {
      this._noted = now;
      const { items } = queue;
      this._shelf.write(shown, () => keptOf(draft, items));
    }
  }

  /** Stop all uploads; what is on the shelf stays there. */
  dispose(): void {
    this._shelf = null;
    this._drafts.forEach(draft => draft.attachments.clear());
    this.current.attachments.clear();
  }

  private _take(): void {
    const kept = this._taken.has(this._shown) ? null : this._shelf?.read(this._shown);
    if (this._shelf) {
      this._taken.add(this._shown);
    }
    if (!kept) {
      return;
    }
    const { current: draft } = this;
    draft.text = [kept.text, draft.text].filter(Boolean).join('\n');
    draft.contexts = [...kept.contexts, ...draft.contexts];
    draft.attachments.restore(kept.files);
    this._queue.restore(kept.queue);
    if (kept.lost.length) {
      const names = kept.lost.join(', ');
      this._complain(this._words.__('This was lost when the page was loaded again: %1', names));
    }
  }
}

function keptOf(draft: Draft, queue: readonly Queued[]): Kept | null {
  if (draft.isEmpty && !queue.length) {
    return null;
  }
  const { items } = draft.attachments;
  return {
    text: draft.ownText,
    contexts: draft.contexts,
    files: items.flatMap(({ name, bytes, from, part }) =>
      part ? [{ name, bytes, from, part }] : []
    ),
    queue,
    lost: items.filter(({ part }) => !part).map(({ name }) => name)
  };
}
