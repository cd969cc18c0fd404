/**
 * What was not sent yet, kept for a reload of the page: in the browser's storage for this tab.
 *
 * It is no part of JupyterLab's state, which goes to the server as a whole whenever a bit of it has
 * changed. It is written a moment after the last change, and at once when the page goes.
 */
import { isObject, listIn, numberIn, objectIn, textIn, textsIn } from '../carriers/json';
import { partIn } from '../carriers/received';
import type { Uploaded } from '../model/attachments';
import type { Kept, Shelf } from '../model/drafts';
import { plainText } from '../model/plain-text';
import { isKind, newId, type Context, type Part } from '../protocol-types';

/** How long nothing must have changed before something is written, in milliseconds. */
const QUIET_MS = 500;

const NAME = 'aqueduct-jupyter:unsent:';

export class PageShelf implements Shelf {
  private readonly _waiting = new Map<string, () => Kept | null>();
  private _timer = 0;

  /**
   * @param _place - whose drafts they are: an origin may have several servers
   * @param _storage - where they are kept
   */
  constructor(
    private readonly _place: string,
    private readonly _storage: Storage = sessionStorage
  ) {
    window.addEventListener('pagehide', this._flush);
  }

  read(conversation: string): Kept | null {
    const text = this._storage.getItem(this._key(conversation));
    return text === null ? null : keptIn(text);
  }

  write(conversation: string, take: () => Kept | null): void {
    this._waiting.set(conversation, take);
    window.clearTimeout(this._timer);
    this._timer = window.setTimeout(this._flush, QUIET_MS);
  }

  private readonly _flush = (): void => {
    this._waiting.forEach((take, conversation) => this._put(this._key(conversation), take()));
    this._waiting.clear();
  };

  private _put(key: string, kept: Kept | null): void {
    this._storage.removeItem(key);
    if (!kept) {
      return;
    }
    try {
      this._storage.setItem(key, JSON.stringify(kept));
    } catch {
      // A browser keeps some megabytes; what is small fits, and says that the rest did not.
      this._putNames(key, kept);
    }
  }

  private _putNames(key: string, { files, contexts, text, lost }: Kept): void {
    const names = [...lost, ...contexts.map(({ name }) => name)];
    const first = text ? [plainText(text, 80)] : [];
    try {
      const rest = { text: '', contexts: [], files, queue: [], lost: [...first, ...names] };
      this._storage.setItem(key, JSON.stringify(rest));
    } catch {
      // The storage is full of other things; then nothing is kept.
    }
  }

  private _key(conversation: string): string {
    return `${NAME}${this._place}:${conversation}`;
  }
}

/** Read what was kept; other scripts of the page can write there, too. */
function keptIn(text: string): Kept | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  const { text: draft, contexts, files, queue, lost } = objectIn(value);
  return {
    text: textIn(draft),
    contexts: contextsIn(contexts),
    files: listIn(files).flatMap(fileIn),
    queue: listIn(queue)
      .map(objectIn)
      .map(question => ({
        id: textIn(question.id) || newId(),
        prompt: textIn(question.prompt),
        files: partsIn(question.files),
        contexts: contextsIn(question.contexts)
      }))
      .filter(({ prompt }) => prompt),
    lost: textsIn(lost).map(name => plainText(name))
  };
}

function contextsIn(value: unknown): Context[] {
  return listIn(value)
    .filter(isObject)
    .map(({ name, text, kind, cut }) => ({
      name: textIn(name),
      text: textIn(text),
      cut: textsIn(cut),
      ...(isKind(kind) ? { kind } : {})
    }));
}

function fileIn(value: unknown): Uploaded[] {
  const { name, bytes, from, part } = objectIn(value);
  const found = partIn(part);
  return found
    ? [{ name: textIn(name), bytes: numberIn(bytes), from: textIn(from), part: found }]
    : [];
}

function partsIn(value: unknown): Part[] {
  return listIn(value).flatMap(part => partIn(part) ?? []);
}
