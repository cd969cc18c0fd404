/**
 * This file is what carries a chat: the interface that the model talks to.
 *
 * Who owns the turns is the carrier's business: a store on the server, or the kernel. It tells of
 * every change as an event; the model only follows. Every question has a request's id, which comes
 * back with each event about its answer.
 */
import type { Context, Ending, Part, Setup, Turn } from '../words';
import { plainOrNull } from './json';

export interface Question {
  request: string;
  prompt: string;
  contexts: readonly Context[];
  files: readonly Part[];
  model: string | null;
  /** The turn that is asked anew: it goes, with all that came after it. */
  before: string | null;
}

export type CarrierEvent =
  /** What there is to ask. */
  | { type: 'setup'; setup: Setup }
  /**
   * Which turns there are now: the ids of all in their order, those that are new or changed, and
   * the request that runs.
   */
  | { type: 'turns'; ids: readonly string[]; turns: readonly Turn[]; running: string | null }
  /** Something to send along with the next question, unless the user leaves it out. */
  | { type: 'attached'; contexts: Context[] }
  /** A question is in the conversation; those from `before` on are gone. */
  | { type: 'begun'; request: string; turn: Turn; before: string | null }
  /** More of an answer: only what is new. */
  | { type: 'delta'; request: string; text: string; reasoning: string }
  /** An answer is over, whichever way. */
  | { type: 'ended'; request: string; turn: Ending }
  /** A question could not even begin, or something else went wrong: to be read, and put away. */
  | { type: 'trouble'; message: string };

export interface Carrier {
  /** Have every event told to a listener, and begin. */
  connect(listener: (event: CarrierEvent) => void): void;
  /** Ask; events follow. */
  ask(question: Question): void;
  /** Stop an answer, here and at the upstream; what has come stays. */
  stop(request: string): void;
  /** Forget a turn. */
  remove(turn: string): void;
  /**
   * Bring a file to where messages can name it.
   *
   * @param progress - told the share that is there, 0 to 1
   * @throws CarrierError with a sentence for the user
   */
  upload(file: File, progress: (share: number) => void, signal: AbortSignal): Promise<Part>;
  /** Let go of everything. */
  dispose(): void;
}

/** What went wrong, in a sentence that is fit to be shown; `code` is the API's word for it. */
export class CarrierError extends Error {
  readonly code: string | null;
  readonly requestId: string | null;

  constructor(message: string, code: unknown = null, requestId: unknown = null) {
    super(message);
    this.code = plainOrNull(code);
    this.requestId = plainOrNull(requestId);
  }
}

/** The API's word for what went wrong; null where it has none. */
export function codeOf(error: unknown): string | null {
  return error instanceof CarrierError ? error.code : null;
}
