/**
 * This file is what is said between the browser, the server and the kernel: turns and their parts.
 *
 * The Python side of it is `aqueduct_jupyter/protocol/conversation.py`; `tests/samples` holds both
 * to the same messages.
 */

import { plainText } from './model/plain-text';
import type { Words } from './translation';

export type State = 'running' | 'whole' | 'stopped' | 'failed';

/** A part of a message, as the API has them. */
export type Part =
  | { type: 'text'; text: string }
  | { type: 'image_url'; image_url: { url: string } }
  | { type: 'file'; file: FileWords };

export interface FileWords {
  file_id?: string;
  filename?: string;
  sha256?: string;
}

/**
 * One question and its answer; `time` in seconds since 1970. The texts are plain, as
 * `model/plain-text.ts` has it, but for prompt, content, answer and reasoning.
 */
export interface Turn {
  id: string;
  prompt: string;
  content: string | Part[];
  cell: string | null;
  answer: string;
  reasoning: string;
  state: State;
  model: string | null;
  request_id: string | null;
  error: string | null;
  error_code: string | null;
  time: number;
  tokens_in: number | null;
  tokens_out: number | null;
  notes: string[];
}

/** How a turn ended: all of it but what was said, which came in pieces. */
export type Ending = Partial<
  Pick<
    Turn,
    | 'state'
    | 'model'
    | 'request_id'
    | 'error'
    | 'error_code'
    | 'tokens_in'
    | 'tokens_out'
    | 'notes'
    | 'content'
  >
>;

/** A message of the API. */
export interface Message {
  role: 'system' | 'user' | 'assistant';
  content: string | Part[];
}

/** The most bytes of one file in a message, and of all of them together. */
export interface Limits {
  attachment_bytes: number;
  attachments_bytes: number;
}

/** What there is to ask: models, the one that is asked by default, what is wrong, and limits. */
export interface Setup {
  models: string[];
  default_model: string | null;
  notices: string[];
  limits: Limits;
}

/** Something about a notebook that is sent along: under a name, as the kernel's `--with` does it. */
export interface Context {
  name: string;
  text: string;
}

/** An id that nobody else has. `crypto.randomUUID` is missing on pages without TLS. */
export function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(8));
  return Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join('');
}

/** Begin a turn. */
export function newTurn(prompt: string, content: string | Part[]): Turn {
  return {
    id: newId(),
    prompt,
    content,
    cell: null,
    answer: '',
    reasoning: '',
    state: 'running',
    model: null,
    request_id: null,
    error: null,
    error_code: null,
    time: Date.now() / 1000,
    tokens_in: null,
    tokens_out: null,
    notes: []
  };
}

/** Put what is attached before the words, as parts; words alone stay words. */
export function contentOf(
  prompt: string,
  contexts: readonly Context[],
  files: readonly Part[]
): string | Part[] {
  if (!contexts.length && !files.length) {
    return prompt;
  }
  return [
    ...contexts.map(({ name, text }): Part => {
      return { type: 'text', text: `<${name}>\n${text}\n</${name}>` };
    }),
    ...files,
    { type: 'text', text: prompt }
  ];
}

/** Give the messages that ask the last of some turns, with those before it as its history. */
export function messagesOf(turns: readonly Turn[], system: string | null = null): Message[] {
  const last = turns[turns.length - 1];
  const history = turns.slice(0, -1).flatMap(turn => historyOf(turn));
  const first: Message[] = system ? [{ role: 'system', content: system }] : [];
  return [...first, ...history, ...(last ? [asked(last)] : [])];
}

/** What of a turn is sent with later ones: both messages, or nothing. */
function historyOf(turn: Turn): Message[] {
  if (turn.state === 'failed' || turn.state === 'running' || !turn.answer) {
    return [];
  }
  return [asked(turn), { role: 'assistant', content: turn.answer }];
}

function asked(turn: Turn): Message {
  return { role: 'user', content: turn.content };
}

/** What is attached to a turn, as it is shown: the names of files and contexts. */
export function attachedTo({ content }: Turn, words: Words): string[] {
  return typeof content === 'string' ? [] : content.slice(0, -1).map(part => nameOf(part, words));
}

function nameOf(part: Part, words: Words): string {
  switch (part.type) {
    case 'text':
      return plainText(/^<([^>\n]{1,1000})>\n/.exec(part.text)?.[1]) || '…';
    case 'file':
      return plainText(part.file.filename ?? part.file.file_id) || words.__('file');
    default:
      return words.__('image');
  }
}
