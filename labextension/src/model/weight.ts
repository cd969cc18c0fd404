/**
 * How much of a model's context something takes, roughly: each model has its own tokenizer.
 *
 * The words around the numbers are the view's.
 */
import type { Part } from '../protocol-types';

/** English has about four characters a token. */
const CHARACTERS_PER_TOKEN = 4;

/** Tokens of a picture or a file whose text nobody here knows; the kernel assumes the same. */
export const TOKENS_OF_A_FILE = 1000;

/** A text's tokens, rounded to two digits: more would not be true. */
export function tokensOf(text: string): number {
  return rounded(Math.ceil(text.length / CHARACTERS_PER_TOKEN));
}

/** The tokens of a message's content. */
export function tokensOfContent(content: string | readonly Part[]): number {
  if (typeof content === 'string') {
    return tokensOf(content);
  }
  return content.reduce(
    (sum, part) => sum + (part.type === 'text' ? tokensOf(part.text) : TOKENS_OF_A_FILE),
    0
  );
}

export function rounded(count: number): number {
  return Number(count.toPrecision(2));
}
