/**
 * What servers and kernels say of turns, setups and conversations -> words that can be relied on.
 *
 * Whatever comes, the types are right afterwards, and the texts that are shown beside prompts and
 * answers are plain. What a stream brings is left to `stream.ts`.
 */
import { LONGEST_SENTENCE, plainText } from '../model/plain-text';
import { newId, type Limits, type Part, type Setup, type State, type Turn } from '../words';
import type { Stored, Summary } from './conversations';
import {
  countOrNull,
  isObject,
  listIn,
  numberIn,
  objectIn,
  plainOrNull,
  textIn,
  textOrNull,
  textsIn
} from './json';

const STATES: readonly unknown[] = ['running', 'whole', 'stopped', 'failed'] satisfies State[];

export function turnIn(value: unknown): Turn {
  const said = objectIn(value);
  return {
    id: textIn(said.id) || newId(),
    prompt: textIn(said.prompt),
    content: contentIn(said.content),
    cell: textOrNull(said.cell),
    answer: textIn(said.answer),
    reasoning: textIn(said.reasoning),
    // Of an end that is not known, what has come stays.
    state: STATES.includes(said.state) ? (said.state as State) : 'stopped',
    model: plainOrNull(said.model),
    request_id: plainOrNull(said.request_id),
    error: plainOrNull(said.error, LONGEST_SENTENCE),
    error_code: plainOrNull(said.error_code),
    time: numberIn(said.time),
    tokens_in: countOrNull(said.tokens_in),
    tokens_out: countOrNull(said.tokens_out),
    notes: sentencesIn(said.notes)
  };
}

export function turnsIn(value: unknown): Turn[] {
  return listIn(value).map(turnIn);
}

/** A part of a message; null for what is none. Kinds that nobody here knows are sent on as they came. */
export function partIn(value: unknown): Part | null {
  if (!isObject(value)) {
    return null;
  }
  const isBroken =
    (value.type === 'text' && typeof value.text !== 'string') ||
    (value.type === 'file' && !isObject(value.file));
  return isBroken ? null : (value as Part);
}

/** What there is to ask; upstreams that do not answer are noticed, too. */
export function setupIn(value: unknown): Setup {
  const said = objectIn(value);
  const errors = listIn(said.upstreams).map(upstream => objectIn(upstream).error);
  return {
    // Letter for letter: a name is sent back when it is chosen.
    models: textsIn(said.models),
    default_model: textOrNull(said.default_model),
    notices: [...sentencesIn(said.notices), ...sentencesIn(errors)],
    limits: limitsIn(said.limits)
  };
}

/** A conversation in a list; the server knows it by its id. */
export function summaryIn(value: unknown): Summary {
  const said = objectIn(value);
  return {
    id: textIn(said.id),
    name: plainText(said.name),
    turns: numberIn(said.turns),
    revision: numberIn(said.revision),
    updated_at: numberIn(said.updated_at)
  };
}

export function storedIn(value: unknown): Stored {
  return { ...summaryIn(value), turns: turnsIn(objectIn(value).turns) };
}

function contentIn(value: unknown): string | Part[] {
  return Array.isArray(value) ? value.flatMap(part => partIn(part) ?? []) : textIn(value);
}

function limitsIn(value: unknown): Limits {
  const said = objectIn(value);
  return {
    attachment_bytes: numberIn(said.attachment_bytes, Infinity),
    attachments_bytes: numberIn(said.attachments_bytes, Infinity)
  };
}

function sentencesIn(value: unknown): string[] {
  return listIn(value).flatMap(sentence => plainOrNull(sentence, LONGEST_SENTENCE) ?? []);
}
