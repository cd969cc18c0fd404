/**
 * An answer's stream: bytes -> pieces, and how it ended.
 *
 * Only `[DONE]` completes an answer; any other end is an error. Asking is in `server.ts`, reading a
 * chunk in `chunk.ts`.
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
 * @param take - called after each read with the content of all its chunks
 * @param words - translates the error messages
 * @throws CarrierError if the stream reports an error or ends before the answer is complete
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
    // Reading is over, so a broken stream that cannot be closed does not matter.
    reader.cancel().catch(() => undefined);
  }
}

/** A broken connection counts as the end of the stream; the browser's own error says nothing useful. */
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

/** Take the events of one read; returns whether the answer is complete. */
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
    // This includes text that came before an error.
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
