/**
 * The highlighting of a code block that still grows.
 *
 * Highlighting takes as long as the code is, so it is done again only when the code has grown by a
 * share of its length; what was coloured last is kept for the beginning.
 */
import type { Typesetter } from './services';

/** Longest code that is highlighted, in characters. */
const LONGEST_COLOURED = 20_000;

/** By which share of its length code grows until it is highlighted again. */
const GROWTH = 1.15;

export class GrowingCode {
  private _language = '';
  private _text = '';
  private _coloured: HTMLElement | null = null;

  constructor(private readonly _typesetter: Typesetter) {}

  /** Colour the last block of an answer as far as it is known; null if it is not code. */
  colour(pre: HTMLElement | null): void {
    if (!pre) {
      this._coloured = null;
      return;
    }
    const text = pre.textContent;
    const language = pre.dataset.language ?? '';
    if (!this._isBeginningOf(text, language)) {
      this._coloured = null;
      this._text = '';
    }
    this._paint(pre);
    if (language && text.length <= LONGEST_COLOURED && text.length >= this._text.length * GROWTH) {
      // The last line may be half a word.
      this._text = text.slice(0, text.lastIndexOf('\n') + 1);
      this._language = language;
      this._coloured = document.createElement('code');
      this._coloured.textContent = this._text;
      this._typesetter.highlight(this._text, language, this._coloured);
    }
  }

  /** Colour a block that is whole. */
  settle(pre: HTMLElement): void {
    const text = pre.textContent;
    const language = pre.dataset.language ?? '';
    if (this._isBeginningOf(text, language)) {
      this._paint(pre);
    }
    if (language && text.length <= LONGEST_COLOURED) {
      this._typesetter.highlight(text, language, pre.firstElementChild as HTMLElement);
    }
  }

  private _isBeginningOf(text: string, language: string): boolean {
    return this._coloured !== null && language === this._language && text.startsWith(this._text);
  }

  private _paint(pre: HTMLElement): void {
    const coloured = this._coloured?.cloneNode(true).childNodes;
    const code = pre.firstElementChild!;
    if (coloured?.length) {
      code.replaceChildren(...coloured, code.textContent.slice(this._text.length));
    }
  }
}
