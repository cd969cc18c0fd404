/**
 * How much of a model's context something takes, roughly: each model has its own tokenizer.
 *
 * The words around the numbers are the view's.
 */
import type { Part, Turn } from '../protocol-types';
import type { ChatModel } from './chat';

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

/** How full a model's context will be: tokens by estimate, and the most that fit if it is known. */
export interface Fullness {
  readonly tokens: number;
  readonly most: number | null;
}

/** Weigh the history, the draft and what is attached, against the chosen model's context. */
export function fullnessOf(model: ChatModel, draft: string): Fullness {
  const { setup } = model;
  const { contexts, attachments } = model.draft;
  const texts = [draft, ...contexts.map(({ text }) => text)];
  const files = attachments.items.filter(({ error }) => !error).length;
  const tokens =
    historyTokens(model.turns) +
    texts.reduce((sum, text) => sum + Math.ceil(text.length / CHARACTERS_PER_TOKEN), 0) +
    files * TOKENS_OF_A_FILE;
  const name = model.model ?? '';
  const known = setup?.context_tokens ?? {};
  // The default model may have its upstream's name in front.
  const most = known[name] ?? known[name.slice(name.indexOf('/') + 1)] ?? null;
  return { tokens, most };
}

/** What the history takes: as counted for the last answer, otherwise by estimate. */
function historyTokens(turns: readonly Turn[]): number {
  const last = turns[turns.length - 1];
  const { tokens_in: sent = null, tokens_out: answered = null } = last ?? {};
  if (sent !== null && answered !== null) {
    return sent + answered;
  }
  return turns.reduce(
    (sum, { content, answer }) => sum + tokensOfContent(content) + tokensOf(answer),
    0
  );
}
