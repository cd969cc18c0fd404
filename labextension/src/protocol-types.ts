/**
 * The types that the browser shares with the server and the kernel: turns and their parts.
 *
 * The Python side is `aqueduct_jupyter/protocol/conversation.py`; `tests/samples` holds both to the
 * same messages.
 */

import { plainText } from './model/plain-text';
import type { Words } from './translation';

export type State = 'running' | 'whole' | 'stopped' | 'failed';

/** A part of a message in the API. */
export type Part =
  | { type: 'text'; text: string }
  | { type: 'image_url'; image_url: { url: string } }
  | { type: 'file'; file: FileFields };

export interface FileFields {
  file_id?: string;
  filename?: string;
  sha256?: string;
}

/**
 * One question and its answer; `time` is in seconds since 1970. All texts except prompt, content,
 * answer and reasoning are plain, as defined in `model/plain-text.ts`.
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
  /** How many of the oldest turns were not sent with it; if any, the first note says so in English. */
  dropped_turns: number;
  finish_reason: string | null;
  /** How many versions there are of the turn and what follows it, and which one this is, from 0. */
  versions: number;
  version: number;
}

/** How a turn ended: the turn without its text, which came in pieces. */
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
    | 'dropped_turns'
    | 'content'
    | 'finish_reason'
  >
>;

/** A message of the API. */
export interface Message {
  role: 'system' | 'user' | 'assistant';
  content: string | Part[];
}

/** The most bytes of one file in a message, and of all files together. */
export interface Limits {
  attachment_bytes: number;
  attachments_bytes: number;
}

/** The setup: the models, the default model, notices about problems, and limits. */
export interface Setup {
  models: string[];
  default_model: string | null;
  notices: string[];
  /** The upstream of each model; '' for an alias. Only our own server tells it. */
  owners?: Record<string, string>;
  /** Whether there is no model yet and the chat may set one up. */
  needs_model?: boolean;
  limits: Limits;
  /** The most tokens of a model's context, by its name, where its upstream tells. */
  context_tokens?: Readonly<Record<string, number>>;
  /** The prompts that an administrator ships. */
  prompts?: readonly Prompt[];
}

/** A text for a question, under a name. */
export interface Prompt {
  name: string;
  text: string;
}

/** What something attached is; each has a sign of its own. */
const KINDS = [
  'cell',
  'output',
  'selection',
  'error',
  'notebook',
  'variable',
  'file',
  'picture',
  'server',
  'conversation',
  'prompt',
  'text'
] as const;

export type Kind = (typeof KINDS)[number];

export function isKind(value: unknown): value is Kind {
  return KINDS.some(kind => kind === value);
}

/** How much of something did not fit. */
export interface LeftOut {
  characters: number;
  pictures: number;
  rows: number;
  columns: number;
}

export const NOTHING_LEFT_OUT: LeftOut = { characters: 0, pictures: 0, rows: 0, columns: 0 };

/** A picture that has yet to be drawn. */
export interface Drawing {
  readonly name: string;
  /** Draw it; throws whatever it cannot be drawn for. */
  draw(): Promise<File>;
}

/**
 * Context to send along, under a name, like the kernel's `--with`.
 *
 * Only name and text are sent. The pictures are attached beside it, as files.
 */
export interface Context {
  name: string;
  text: string;
  kind?: Kind;
  left?: LeftOut;
  /** What else was left out, in the words of whoever did it. */
  cut?: readonly string[];
  pictures?: readonly (File | Drawing)[];
}

/** A unique id. `crypto.randomUUID` is missing on pages without TLS. */
export function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(8));
  return Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join('');
}

/** Begin a turn. */
export function newTurn(prompt: string, content: string | Part[], id = newId()): Turn {
  return {
    id,
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
    notes: [],
    dropped_turns: 0,
    finish_reason: null,
    versions: 1,
    version: 0
  };
}

/** Put attachments before the prompt, as parts; a prompt without any stays a string. */
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

/** Return the messages that ask the last turn, with the earlier turns as its history. */
export function messagesOf(turns: readonly Turn[], system: string | null = null): Message[] {
  const last = turns[turns.length - 1];
  const history = turns.slice(0, -1).flatMap(turn => historyOf(turn));
  const first: Message[] = system ? [{ role: 'system', content: system }] : [];
  return [...first, ...history, ...(last ? [asked(last)] : [])];
}

/** The messages of a turn that later ones send as history: both, or none. */
function historyOf(turn: Turn): Message[] {
  if (turn.state === 'failed' || turn.state === 'running' || !turn.answer) {
    return [];
  }
  return [asked(turn), { role: 'assistant', content: turn.answer }];
}

function asked(turn: Turn): Message {
  return { role: 'user', content: turn.content };
}

/** The displayed names of a turn's attachments: files and contexts. */
export function attachedTo({ content }: Turn, words: Words): string[] {
  return typeof content === 'string'
    ? []
    : content.slice(0, -1).map(part => attachedPart(part, words).name);
}

/** The displayed name of an attachment that was sent, and its text if it has one. */
export function attachedPart(part: Part, words: Words): { name: string; text: string | null } {
  switch (part.type) {
    case 'text': {
      const [, name, text] = /^<([^>\n]{1,1000})>\n([^]*)$/.exec(part.text) ?? [];
      const end = `\n</${name}>`;
      const inner = text?.endsWith(end) ? text.slice(0, -end.length) : text;
      return { name: plainText(name) || '…', text: inner ?? part.text };
    }
    case 'file':
      return {
        name: plainText(part.file.filename ?? part.file.file_id) || words.__('file'),
        text: null
      };
    default:
      return { name: words.__('image'), text: null };
  }
}
