/**
 * One chunk of a streamed answer, as sent by an upstream -> its content.
 *
 * A chunk with a malformed answer is refused. Malformed metadata (model, tokens) is ignored.
 * Source: the streaming chat completions of the OpenAI API; texts in lists are Mistral's.
 */
import { LONGEST_SENTENCE, plainText } from '../model/plain-text';
import type { Words } from '../translation';
import { CarrierError } from './carrier';
import { countOrNull, isObject, objectIn, plainOrNull, type JSONObject } from './json';

/** The content of one chunk. */
export interface Piece {
  text: string;
  reasoning: string;
  model?: string;
  finish_reason?: string;
  tokens_in?: number;
  tokens_out?: number;
}

/** The answer's field has the wrong type. */
class Nonsense extends Error {}

/**
 * Read the data of an event.
 *
 * @throws CarrierError if it reports an error or cannot be read
 */
export function pieceIn(data: string, words: Words): Piece {
  try {
    const chunk = asObject(JSON.parse(data));
    throwIfFailed(chunk, words);
    return pieceOf(chunk);
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof Nonsense) {
      throw new CarrierError(
        words.__('The server sent something that cannot be read as an answer. Ask again.'),
        'upstream_error'
      );
    }
    throw error;
  }
}

function throwIfFailed({ error }: JSONObject, words: Words): void {
  if (!error) {
    return;
  }
  const { message = error, code } = objectIn(error);
  const sentence = plainText(message, LONGEST_SENTENCE);
  throw new CarrierError(
    sentence || words.__('The server reported an error without a message. Ask again.'),
    code
  );
}

function pieceOf(chunk: JSONObject): Piece {
  const piece: Piece = { text: '', reasoning: '' };
  for (const choice of asList(chunk.choices ?? []).map(asObject)) {
    if ((choice.index ?? 0) === 0) {
      const delta = asObject(choice.delta ?? {});
      piece.text += textOf(delta.content);
      piece.reasoning += textOf(delta.reasoning_content ?? delta.reasoning);
      piece.finish_reason = plainOrNull(choice.finish_reason) ?? undefined;
    }
  }
  const usage = objectIn(chunk.usage);
  piece.model = plainOrNull(chunk.model) ?? undefined;
  piece.tokens_in = countOrNull(usage.prompt_tokens) ?? undefined;
  piece.tokens_out = countOrNull(usage.completion_tokens) ?? undefined;
  return piece;
}

/** A text, which may come as a list of strings and parts; parts other than text are ignored. */
function textOf(content: unknown): string {
  if (content === null || content === undefined) {
    return '';
  }
  return typeof content === 'string' ? content : asList(content).map(textOfPart).join('');
}

function textOfPart(part: unknown): string {
  if (typeof part === 'string') {
    return part;
  }
  const { type, text } = asObject(part);
  return type === 'text' ? asText(text) : '';
}

function asObject(value: unknown): JSONObject {
  if (!isObject(value)) {
    throw new Nonsense();
  }
  return value;
}

function asList(value: unknown): unknown[] {
  if (!Array.isArray(value)) {
    throw new Nonsense();
  }
  return value;
}

function asText(value: unknown): string {
  if (typeof value !== 'string') {
    throw new Nonsense();
  }
  return value;
}
