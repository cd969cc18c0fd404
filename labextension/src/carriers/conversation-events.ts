/**
 * What the server tells of a conversation, read from a stream of untrusted events.
 *
 * The Python side is `aqueduct_jupyter/protocol/conversation_events.py`; `following.ts` connects,
 * `open-conversation.ts` acts on the events.
 */
import { createParser } from 'eventsource-parser';

import { plainText } from '../model/plain-text';
import type { Ending, Turn } from '../protocol-types';
import { listIn, objectIn, textIn, textOrNull, textsIn, type JSONObject } from './json';
import { parametersIn, type ConversationParameters } from './parameters';
import { turnIn } from './received';

export type ConversationEvent =
  /** The turns as they are: the ids of all, those that may be new, and the running request. */
  | {
      type: 'turns';
      name: string;
      ids: string[];
      turns: Turn[];
      parameters: ConversationParameters;
      running: string | null;
      answering: string | null;
    }
  | { type: 'delta'; request: string; text: string; reasoning: string }
  | { type: 'ended'; request: string; turn: Ending }
  | { type: 'renamed'; name: string }
  | { type: 'parameters'; parameters: ConversationParameters }
  | { type: 'deleted' };

/**
 * Read a stream until it ends, in whatever way.
 *
 * @param body - the response's bytes
 * @param take - called after each read with the events in it; pieces of an answer are joined
 * @param hear - called after each read, also if it has no event
 */
export async function readEvents(
  body: ReadableStream<Uint8Array>,
  take: (event: ConversationEvent) => void,
  hear: () => void
): Promise<void> {
  const data: string[] = [];
  const parser = createParser({ onEvent: event => data.push(event.data) });
  const decoder = new TextDecoder();
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) {
        return;
      }
      hear();
      parser.feed(decoder.decode(value, { stream: true }));
      joined(data.splice(0).flatMap(text => eventIn(text) ?? [])).forEach(take);
    }
  } finally {
    // Reading is over, so a broken stream that cannot be closed does not matter.
    reader.cancel().catch(() => undefined);
  }
}

/** Read an event; null if it is of an unknown kind. */
export function eventIn(data: string): ConversationEvent | null {
  const fields = objectIn(parsed(data));
  const request = textIn(fields.request);
  switch (fields.type) {
    case 'turns':
      return turnsEventIn(fields);
    case 'delta':
      return {
        type: 'delta',
        request,
        text: textIn(fields.text),
        reasoning: textIn(fields.reasoning)
      };
    case 'ended':
      return { type: 'ended', request, turn: endingIn(fields.turn) };
    case 'renamed':
      return { type: 'renamed', name: plainText(fields.name) };
    case 'parameters':
      return { type: 'parameters', parameters: parametersIn(fields.parameters) };
    case 'deleted':
      return { type: 'deleted' };
    default:
      return null;
  }
}

/** The fields of a turn that are not known before its answer has ended. */
function endingIn(value: unknown): Ending {
  const turn = turnIn(value);
  const { state, model, request_id, error, error_code, finish_reason } = turn;
  const { tokens_in, tokens_out, notes, dropped_turns } = turn;
  const ending = { state, model, request_id, error, error_code, finish_reason };
  return { ...ending, tokens_in, tokens_out, notes, dropped_turns };
}

function turnsEventIn(fields: JSONObject): ConversationEvent | null {
  if (!Array.isArray(fields.ids) || !Array.isArray(fields.turns)) {
    // It must not be taken for an empty conversation.
    return null;
  }
  return {
    type: 'turns',
    name: plainText(fields.name),
    parameters: parametersIn(fields.parameters),
    ids: textsIn(fields.ids),
    // A turn without an id is not in the list of ids.
    turns: listIn(fields.turns).map(turnIn),
    running: textOrNull(fields.running),
    answering: textOrNull(fields.answering)
  };
}

function joined(events: readonly ConversationEvent[]): ConversationEvent[] {
  const found: ConversationEvent[] = [];
  for (const event of events) {
    const last = found[found.length - 1];
    if (last?.type === 'delta' && event.type === 'delta' && last.request === event.request) {
      const { request, text, reasoning } = event;
      found[found.length - 1] = {
        type: 'delta',
        request,
        text: last.text + text,
        reasoning: last.reasoning + reasoning
      };
    } else {
      found.push(event);
    }
  }
  return found;
}

function parsed(data: string): unknown {
  try {
    return JSON.parse(data) as unknown;
  } catch {
    return null;
  }
}
