/**
 * A kernel's messages to its panel, read from untrusted JSON.
 *
 * The Python side is `aqueduct_jupyter/protocol/panel.py`; `kernel.ts` acts on the messages.
 */
import { LONGEST_SENTENCE, plainText } from '../model/plain-text';
import type { Context, Part } from '../protocol-types';
import type { CarrierEvent } from './carrier';
import { listIn, numberIn, objectIn, textIn, textOrNull, textsIn, type JSONObject } from './json';
import { parametersIn, type ConversationParameters } from './parameters';
import { partIn, setupIn, turnIn, turnsIn } from './received';
import { variablesIn, type Variable } from './variables';

/** A piece of a file has arrived; the last message has the part that refers to the file. */
export interface Received {
  type: 'received';
  upload: string;
  bytes: number;
  part: Part | null;
}

/** A message from the kernel. */
export type KernelMessage =
  | CarrierEvent
  | { type: 'welcome'; is_subshell: boolean }
  | { type: 'variables'; variables: Variable[] }
  | { type: 'kept'; html: string; text: string }
  | { type: 'parameters'; parameters: ConversationParameters; system: string | null }
  | Received;

/** Read a message; null if its type is unknown. */
export function messageIn(value: unknown): KernelMessage | null {
  const fields = objectIn(value);
  switch (fields.type) {
    case 'welcome':
      return { type: 'welcome', is_subshell: fields.is_subshell === true };
    case 'received':
      return {
        type: 'received',
        upload: textIn(fields.upload),
        bytes: numberIn(fields.bytes),
        part: partIn(fields.part)
      };
    case 'variables':
      return { type: 'variables', variables: variablesIn(fields.variables) };
    case 'kept': {
      const data = objectIn(fields.data);
      return { type: 'kept', html: textIn(data['text/html']), text: textIn(data['text/plain']) };
    }
    case 'parameters':
      return {
        type: 'parameters',
        parameters: parametersIn(fields.parameters),
        system: textOrNull(fields.system)
      };
    default:
      return eventIn(fields);
  }
}

function eventIn(fields: JSONObject): CarrierEvent | null {
  const request = textIn(fields.request);
  switch (fields.type) {
    case 'setup':
      return { type: 'setup', setup: setupIn(fields.setup) };
    case 'attached':
      return { type: 'attached', contexts: listIn(fields.contexts).map(contextIn) };
    case 'turns': {
      const running = textOrNull(fields.running);
      const answering = textOrNull(fields.answering);
      const ids = textsIn(fields.ids);
      return { type: 'turns', ids, turns: turnsIn(fields.turns), running, answering };
    }
    case 'begun':
      return {
        type: 'begun',
        request,
        turn: turnIn(fields.turn),
        before: textOrNull(fields.before)
      };
    case 'delta':
      return {
        type: 'delta',
        request,
        text: textIn(fields.text),
        reasoning: textIn(fields.reasoning)
      };
    case 'ended': {
      // The text has already arrived in pieces.
      const { answer: _, reasoning: __, ...turn } = turnIn(fields.turn);
      return { type: 'ended', request, turn };
    }
    case 'trouble':
      return { type: 'trouble', message: plainText(fields.message, LONGEST_SENTENCE) };
    default:
      return null;
  }
}

function contextIn(value: unknown): Context {
  const { name, text } = objectIn(value);
  return { name: textIn(name), text: textIn(text) };
}
