/**
 * Foreign text made safe to display: everything shown to a user passes through here.
 *
 * Names, notes and errors come from upstreams, kernels and stored conversations, so they may contain
 * anything. `carriers/` passes what it reads through here. Model names must be sent back unchanged,
 * so they pass through here when they are shown. An answer is Markdown; `view/markup.ts` handles it.
 *
 * Every function cuts before it reads: the cost depends on the bound, not on the text. The Python
 * side is `aqueduct_jupyter/protocol/plain_text.py`.
 */

/** Characters shown of a name, a code or an id. */
export const LONGEST_WORD = 200;

/** Characters shown of an error's message or a note. */
export const LONGEST_SENTENCE = 2000;

/** Bytes of a filename before its extension; most file systems allow 255 in total. */
const LONGEST_FILE_NAME = 200;

/** Whitespace and invisible characters: controls, direction marks, zero width, lone surrogates. */
const UNSEEN = /[\s\p{C}]+/gu;

const NOT_IN_FILE_NAMES = /[\\/:*?"<>|]+/g;

/**
 * Return a text as one printable line.
 *
 * @param text - the foreign text; anything but a string gives ''
 * @param most - the most characters; a longer text is cut and ends with an ellipsis
 */
export function plainText(text: unknown, most = LONGEST_WORD): string {
  if (typeof text !== 'string') {
    return '';
  }
  // Some characters may vanish, so this cut leaves room for the one below.
  const head = text.slice(0, 2 * most);
  const line = head.replace(UNSEEN, run => (/\s/.test(run) ? ' ' : '')).trim();
  const isWhole = line.length <= most && text.length <= 2 * most;
  return isWhole ? line : `${beginningOf(line, most - 1)}…`;
}

/** The message of anything thrown, safe to display. */
export function sentenceOf(error: unknown): string {
  const message = error instanceof Error ? error.message : error;
  return plainText(message, LONGEST_SENTENCE) || plainText(String(error), LONGEST_SENTENCE);
}

/** Return a text as a filename without extension: never a path, hidden or too long. */
export function fileNameOf(text: string): string {
  const name = trimmed(plainText(text).replace(NOT_IN_FILE_NAMES, ' '));
  const bytes = new TextEncoder().encode(name).subarray(0, LONGEST_FILE_NAME);
  // In stream mode, the decoder drops an incomplete character at the end.
  return trimmed(new TextDecoder().decode(bytes, { stream: true }));
}

/** Return the start of a text, without half a character at its end. */
export function beginningOf(text: string, most: number): string {
  return text.slice(0, isWithinCharacter(text, most) ? most - 1 : most);
}

/** Return the end of a text, without half a character at its start. */
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
