/**
 * What a kernel says to its panel, read from messages whose shape nobody vouches for.
 *
 * The Python side of it is `aqueduct_jupyter/protocol/panel.py`; what follows from a message is
 * left to `kernel.ts`.
 */
import { LONGEST_SENTENCE, plainText } from '../model/plain-text';
import type { Context, Part } from '../words';
import type { CarrierEvent } from './carrier';
import { listIn, numberIn, objectIn, textIn, textOrNull, textsIn, type JSONObject } from './json';
import { partIn, setupIn, turnIn, turnsIn } from './received';

/** A piece of a file has come; the last one brings the part that names the whole. */
export interface Received {
  type: 'received';
  upload: string;
  bytes: number;
  part: Part | null;
}

/** What the kernel says. */
export type KernelMessage = CarrierEvent | { type: 'welcome'; is_subshell: boolean } | Received;

/** Read a message; null for one that nobody here knows. */
export function messageIn(value: unknown): KernelMessage | null {
  const said = objectIn(value);
  switch (said.type) {
    case 'welcome':
      return { type: 'welcome', is_subshell: said.is_subshell === true };
    case 'received':
      return {
        type: 'received',
        upload: textIn(said.upload),
        bytes: numberIn(said.bytes),
        part: partIn(said.part)
      };
    default:
      return eventIn(said);
  }
}

function eventIn(said: JSONObject): CarrierEvent | null {
  const request = textIn(said.request);
  switch (said.type) {
    case 'setup':
      return { type: 'setup', setup: setupIn(said.setup) };
    case 'attached':
      return { type: 'attached', contexts: listIn(said.contexts).map(contextIn) };
    case 'turns': {
      const running = textOrNull(said.running);
      return { type: 'turns', ids: textsIn(said.ids), turns: turnsIn(said.turns), running };
    }
    case 'begun':
      return {
        type: 'begun',
        request,
        turn: turnIn(said.turn),
        before: textOrNull(said.before)
      };
    case 'delta':
      return {
        type: 'delta',
        request,
        text: textIn(said.text),
        reasoning: textIn(said.reasoning)
      };
    case 'ended': {
      // What was said came in pieces.
      const { answer: _, reasoning: __, ...turn } = turnIn(said.turn);
      return { type: 'ended', request, turn };
    }
    case 'trouble':
      return { type: 'trouble', message: plainText(said.message, LONGEST_SENTENCE) };
    default:
      return null;
  }
}

function contextIn(value: unknown): Context {
  const { name, text } = objectIn(value);
  return { name: textIn(name), text: textIn(text) };
}
