/**
 * An answer's stream as the API sends it: bytes -> pieces, and how it ended.
 *
 * Only `[DONE]` makes an answer whole; every other end is an error. Asking is left to
 * `server.ts`, what one chunk says to `chunk.ts`.
 */
import { createParser } from 'eventsource-parser';

import { ENGLISH, type Words } from '../translation';
import { CarrierError } from './carrier';
import { pieceIn, type Piece } from './chunk';
import { WholeCharacters } from './whole-characters';

/**
 * Read a stream to its end.
 *
 * @param body - the response's bytes
 * @param take - told what each read brought, all its chunks together
 * @param words - what goes wrong is said in them
 * @throws CarrierError where the stream says an error, or ends before its answer is whole
 */
export async function readStream(
  body: ReadableStream<Uint8Array>,
  take: (piece: Piece) => void,
  words: Words = ENGLISH
): Promise<void> {
  const events: string[] = [];
  const parser = createParser({ onEvent: ({ data }) => events.push(data) });
  const decoder = new TextDecoder();
  const takeWhole = inWholeCharacters(take);
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await readOrEnd(reader);
      if (done) {
        throw new CarrierError(
          words.__('The answer broke off before it was complete. Ask again.'),
          'upstream_disconnected'
        );
      }
      parser.feed(decoder.decode(value, { stream: true }));
      if (takeEvents(events.splice(0), takeWhole, words)) {
        return;
      }
    }
  } finally {
    // Nobody reads on; that a broken stream cannot be closed changes nothing.
    reader.cancel().catch(() => undefined);
  }
}

/** A connection that breaks ends its stream; the browser's own words for it are nobody's. */
async function readOrEnd(
  reader: ReadableStreamDefaultReader<Uint8Array>
): Promise<ReadableStreamReadResult<Uint8Array>> {
  try {
    return await reader.read();
  } catch {
    return { done: true, value: undefined };
  }
}

function inWholeCharacters(take: (piece: Piece) => void): (piece: Piece) => void {
  const text = new WholeCharacters();
  const reasoning = new WholeCharacters();
  return piece =>
    take({ ...piece, text: text.take(piece.text), reasoning: reasoning.take(piece.reasoning) });
}

/** Take what one read brought; gives whether the answer is whole now. */
function takeEvents(
  events: readonly string[],
  take: (piece: Piece) => void,
  words: Words
): boolean {
  let gathered: Piece | null = null;
  try {
    for (const data of events) {
      if (data.trim() === '[DONE]') {
        return true;
      }
      gathered = joined(gathered, pieceIn(data, words));
    }
    return false;
  } finally {
    // Also what came before an error was said.
    if (gathered) {
      take(gathered);
    }
  }
}

function joined(before: Piece | null, piece: Piece): Piece {
  if (!before) {
    return piece;
  }
  const { text, reasoning, ...facts } = piece;
  const known = Object.fromEntries(
    Object.entries(facts).filter(([, fact]) => (fact as unknown) !== undefined)
  );
  return {
    ...before,
    ...known,
    text: before.text + text,
    reasoning: before.reasoning + reasoning
  };
}
