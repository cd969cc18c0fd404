/**
 * Turns, setups and conversations from servers and kernels -> values with reliable types.
 *
 * The types are right for any input, and texts other than prompts and answers are plain. Streams are
 * read in `stream.ts`.
 */
import { LONGEST_SENTENCE, plainText } from '../model/plain-text';
import {
  newId,
  type Limits,
  type Part,
  type Prompt,
  type Setup,
  type State,
  type Turn
} from '../protocol-types';
import type { Summary } from './conversations';
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
  const fields = objectIn(value);
  return {
    id: textIn(fields.id) || newId(),
    prompt: textIn(fields.prompt),
    content: contentIn(fields.content),
    cell: textOrNull(fields.cell),
    answer: textIn(fields.answer),
    reasoning: textIn(fields.reasoning),
    // If the state is unknown, the text so far stays.
    state: STATES.includes(fields.state) ? (fields.state as State) : 'stopped',
    model: plainOrNull(fields.model),
    request_id: plainOrNull(fields.request_id),
    error: plainOrNull(fields.error, LONGEST_SENTENCE),
    error_code: plainOrNull(fields.error_code),
    time: numberIn(fields.time),
    tokens_in: countOrNull(fields.tokens_in),
    tokens_out: countOrNull(fields.tokens_out),
    notes: sentencesIn(fields.notes),
    dropped_turns: countOrNull(fields.dropped_turns) ?? 0,
    finish_reason: plainOrNull(fields.finish_reason),
    versions: countOrNull(fields.versions) ?? 1,
    version: countOrNull(fields.version) ?? 0
  };
}

export function turnsIn(value: unknown): Turn[] {
  return listIn(value).map(turnIn);
}

/** A message part, or null if the value is not one. Unknown kinds are kept unchanged. */
export function partIn(value: unknown): Part | null {
  if (!isObject(value)) {
    return null;
  }
  const isBroken =
    (value.type === 'text' && typeof value.text !== 'string') ||
    (value.type === 'file' && !isObject(value.file));
  return isBroken ? null : (value as Part);
}

/** The models and limits; errors of upstreams become notices. */
export function setupIn(value: unknown): Setup {
  const fields = objectIn(value);
  const errors = listIn(fields.upstreams).map(upstream => objectIn(upstream).error);
  const { is_allowed: isAllowed, notice } = objectIn(fields.setup);
  const needsModel = isAllowed === true && typeof notice === 'string';
  // The chat offers the way itself then.
  const notices = listIn(fields.notices).filter(one => !needsModel || one !== notice);
  return {
    // Unchanged, because the chosen name is sent back.
    models: textsIn(fields.models),
    default_model: textOrNull(fields.default_model),
    notices: [...sentencesIn(notices), ...sentencesIn(errors)],
    owners: Object.fromEntries(
      Object.entries(objectIn(fields.owners)).map(([model, owner]) => [model, plainText(owner)])
    ),
    needs_model: needsModel,
    limits: limitsIn(fields.limits),
    context_tokens: countsIn(fields.context_tokens),
    prompts: promptsIn(fields.prompts)
  };
}

/** A conversation in a list. */
export function summaryIn(value: unknown): Summary {
  const fields = objectIn(value);
  return {
    id: textIn(fields.id),
    name: plainText(fields.name),
    turns: numberIn(fields.turns),
    revision: numberIn(fields.revision),
    updated_at: numberIn(fields.updated_at),
    is_pinned: fields.is_pinned === true
  };
}

function contentIn(value: unknown): string | Part[] {
  return Array.isArray(value) ? value.flatMap(part => partIn(part) ?? []) : textIn(value);
}

function limitsIn(value: unknown): Limits {
  const fields = objectIn(value);
  return {
    attachment_bytes: numberIn(fields.attachment_bytes, Infinity),
    attachments_bytes: numberIn(fields.attachments_bytes, Infinity)
  };
}

/** Named texts; what has no name or no text is left out. */
export function promptsIn(value: unknown): Prompt[] {
  return listIn(value)
    .map(objectIn)
    .map(({ name, text }) => ({ name: plainText(name), text: textIn(text) }))
    .filter(({ name, text }) => name && text);
}

function countsIn(value: unknown): Record<string, number> {
  const counts = Object.entries(objectIn(value)).map(([name, count]) => [name, countOrNull(count)]);
  return Object.fromEntries(counts.filter(([, count]) => count)) as Record<string, number>;
}

function sentencesIn(value: unknown): string[] {
  return listIn(value).flatMap(sentence => plainOrNull(sentence, LONGEST_SENTENCE) ?? []);
}
