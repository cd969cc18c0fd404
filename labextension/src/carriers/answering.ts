/**
 * Asking the server for one answer: with as much of the history as fits, streamed, to its end.
 *
 * Which conversation it belongs to, and what becomes of each piece, is in `server.ts`.
 */
import { sentenceOf } from '../model/plain-text';
import { messagesOf, type Ending } from '../protocol-types';
import type { Api } from './api';
import { CarrierError, codeOf } from './carrier';
import type { Piece } from './chunk';
import { plainOrNull } from './json';
import type { OpenConversation } from './open-conversation';
import { readStream } from './stream';

/** A question that is being answered. */
export interface Asked {
  conversation: OpenConversation;
  /** The id of the turn. */
  turn: string;
  request: string;
  model: string | null;
  abort: AbortController;
}

/**
 * Ask, and if the history does not fit the model, ask again with half of it.
 *
 * @param take Called with each piece of the answer.
 * @returns How the turn ended.
 */
export async function answer(
  api: Api,
  asked: Asked,
  system: string | null,
  take: (piece: Piece) => void
): Promise<Ending> {
  const { turns } = asked.conversation;
  let history = turns;
  for (;;) {
    try {
      await stream(api, asked, messagesOf(history, system), take);
      return { state: 'whole', notes: notesOn(api, turns.length - history.length) };
    } catch (error) {
      if (codeOf(error) !== 'context_length_exceeded' || history.length <= 1) {
        return failure(asked, error);
      }
      history = history.slice(Math.ceil(history.length / 2));
    }
  }
}

function notesOn(api: Api, dropped: number): string[] {
  const note = api.words._n(
    'the oldest turn no longer fits and was left out',
    'the %1 oldest turns no longer fit and were left out',
    dropped
  );
  return dropped ? [note] : [];
}

async function stream(
  api: Api,
  asked: Asked,
  messages: ReturnType<typeof messagesOf>,
  take: (piece: Piece) => void
): Promise<void> {
  const response = await api.request('chat/completions', {
    method: 'POST',
    signal: asked.abort.signal,
    headers: { 'X-Client-Request-Id': asked.request },
    body: JSON.stringify({
      ...(asked.model === null ? {} : { model: asked.model }),
      messages,
      stream: true,
      stream_options: { include_usage: true }
    })
  });
  asked.conversation.change(asked.turn, {
    request_id: plainOrNull(response.headers.get('x-request-id'))
  });
  await readStream(response.body!, take, api.words);
}

function failure(asked: Asked, error: unknown): Ending {
  const code = codeOf(error);
  if (asked.abort.signal.aborted || code === 'request_stopped') {
    return { state: 'stopped' };
  }
  const requestId = error instanceof CarrierError ? error.requestId : null;
  return {
    state: 'failed',
    error: sentenceOf(error),
    error_code: code,
    request_id: requestId ?? asked.conversation.find(asked.turn)?.request_id ?? null
  };
}
