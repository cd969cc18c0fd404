/**
 * Text from elsewhere, made fit to be shown: the one door to a person's eyes.
 *
 * Names, notes and errors come from upstreams, kernels and stored conversations, so they may hold
 * anything. `carriers/` passes what it reads through here; the names of models, which have to be
 * sent back as they came, pass where they are shown. An answer is not such a text: it is Markdown,
 * and is left to `view/markup.ts`.
 *
 * Everything here cuts before it looks: the cost depends on the bound and not on the text. The
 * Python side of it is `aqueduct_jupyter/protocol/plain_text.py`.
 */

/** Characters of a name, a code or an id that are shown. */
export const LONGEST_WORD = 200;

/** Characters of an error's message or a note that are shown. */
export const LONGEST_SENTENCE = 2000;

/** Bytes of a file's name before its ending; most file systems take 255 with it. */
const LONGEST_FILE_NAME = 200;

/** Blanks, and what nobody sees: controls, marks of direction, no width, lone halves of pairs. */
const UNSEEN = /[\s\p{C}]+/gu;

const NOT_IN_FILE_NAMES = /[\\/:*?"<>|]+/g;

/**
 * Give a text as one printable line.
 *
 * @param text - what came from elsewhere; anything but a string gives ''
 * @param most - how many characters it may have; a longer one is cut, and ends with an ellipsis
 */
export function plainText(text: unknown, most = LONGEST_WORD): string {
  if (typeof text !== 'string') {
    return '';
  }
  // Some of it may vanish: what is cut here is cut again below.
  const head = text.slice(0, 2 * most);
  const line = head.replace(UNSEEN, run => (/\s/.test(run) ? ' ' : '')).trim();
  const isWhole = line.length <= most && text.length <= 2 * most;
  return isWhole ? line : `${beginningOf(line, most - 1)}…`;
}

/** What went wrong, as a sentence to show; whatever was thrown. */
export function sentenceOf(error: unknown): string {
  const message = error instanceof Error ? error.message : error;
  return plainText(message, LONGEST_SENTENCE) || plainText(String(error), LONGEST_SENTENCE);
}

/** Give a text as the name of a file without its ending: never a path, hidden or too long. */
export function fileNameOf(text: string): string {
  const name = trimmed(plainText(text).replace(NOT_IN_FILE_NAMES, ' '));
  const bytes = new TextEncoder().encode(name).subarray(0, LONGEST_FILE_NAME);
  // As a stream: a character of which only a part is left is left out.
  return trimmed(new TextDecoder().decode(bytes, { stream: true }));
}

/** Give how a text begins, without half a character at its end. */
export function beginningOf(text: string, most: number): string {
  return text.slice(0, isWithinCharacter(text, most) ? most - 1 : most);
}

/** Give how a text ends, without half a character at its beginning. */
export function endOf(text: string, most: number): string {
  const start = Math.max(0, text.length - most);
  return text.slice(isWithinCharacter(text, start) ? start + 1 : start);
}

function isWithinCharacter(text: string, index: number): boolean {
  return index > 0 && (text.codePointAt(index - 1) ?? 0) > 0xffff;
}

function trimmed(name: string): string {
  return name.replace(/^[ .]+/, '').replace(/[ .]+$/, '');
}
