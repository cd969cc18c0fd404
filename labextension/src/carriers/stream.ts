/**
 * This file is an answer's stream as the API sends it: bytes -> pieces, and how it ended.
 *
 * Only `[DONE]` makes an answer whole; every other end is an error. Asking is left to
 * `server.ts`.
 * Source of the chunks: the streaming chat completions of the OpenAI API.
 */
import { createParser } from 'eventsource-parser';

import { CarrierError } from './carrier';

/** What one chunk brought. */
export interface Piece {
  text: string;
  reasoning: string;
  model?: string;
  finish_reason?: string;
  tokens_in?: number;
  tokens_out?: number;
}

interface Chunk {
  model?: string;
  error?: { message?: string; code?: string | null };
  choices?: {
    index?: number;
    finish_reason?: string | null;
    delta?: { content?: string | null; reasoning_content?: string; reasoning?: string };
  }[];
  usage?: { prompt_tokens?: number; completion_tokens?: number } | null;
}

/**
 * Read a stream to its end.
 *
 * @param body - the response's bytes
 * @param take - told what each read brought, all its chunks together
 * @throws CarrierError where the stream says an error, or ends before its answer is whole
 */
export async function readStream(
  body: ReadableStream<Uint8Array>,
  take: (piece: Piece) => void
): Promise<void> {
  const events: string[] = [];
  const parser = createParser({ onEvent: ({ data }) => events.push(data) });
  const decoder = new TextDecoder();
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) {
        throw new CarrierError(
          'The stream ended before its answer was whole; ask again.',
          'upstream_disconnected'
        );
      }
      parser.feed(decoder.decode(value, { stream: true }));
      if (takeEvents(events.splice(0), take)) {
        return;
      }
    }
  } finally {
    void reader.cancel().catch(() => undefined);
  }
}

/** Take what one read brought; gives whether the answer is whole now. */
function takeEvents(events: readonly string[], take: (piece: Piece) => void): boolean {
  let gathered: Piece | null = null;
  try {
    for (const data of events) {
      if (data.trim() === '[DONE]') {
        return true;
      }
      gathered = joined(gathered, readChunk(data));
    }
    return false;
  } finally {
    // Also what came before an error was said.
    if (gathered) {
      take(gathered);
    }
  }
}

function readChunk(data: string): Piece {
  let chunk: Chunk;
  try {
    chunk = JSON.parse(data) as Chunk;
  } catch {
    throw new CarrierError('The server sent something that is no JSON.', 'upstream_error');
  }
  if (chunk.error) {
    const { message, code } = chunk.error;
    throw new CarrierError(message ?? 'The server sent an error without words.', code ?? null);
  }
  const piece: Piece = { text: '', reasoning: '' };
  for (const { index, delta, finish_reason } of chunk.choices ?? []) {
    if ((index ?? 0) === 0) {
      piece.text += delta?.content ?? '';
      piece.reasoning += delta?.reasoning_content ?? delta?.reasoning ?? '';
      piece.finish_reason = finish_reason ?? undefined;
    }
  }
  piece.model = chunk.model;
  piece.tokens_in = chunk.usage?.prompt_tokens;
  piece.tokens_out = chunk.usage?.completion_tokens;
  return piece;
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
