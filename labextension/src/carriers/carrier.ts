/**
 * The carrier of a chat: the interface that the model talks to.
 *
 * The carrier decides who owns the turns: a store on the server, or the kernel. It reports every
 * change as an event, and the model follows. Every question has a request id, which each event about
 * its answer repeats.
 */
import type { Context, Ending, FileFields, Part, Setup, Turn } from '../protocol-types';
import { plainOrNull } from './json';

export interface Question {
  request: string;
  prompt: string;
  contexts: readonly Context[];
  files: readonly Part[];
  model: string | null;
  /** The turn to ask again: it is removed, and every turn after it. */
  before: string | null;
  /** Whether the answer goes on with the last one, even if that has failed. */
  continues?: boolean;
  /** The id of the turn that it becomes; a carrier that keeps turns takes each id once. */
  turn?: string;
}

export type CarrierEvent =
  /** The models and limits. */
  | { type: 'setup'; setup: Setup }
  /**
   * The current turns: the ids of all in order, the new or changed turns, the running request, and
   * the turn that it answers; if that is missing, it is the last one.
   */
  | {
      type: 'turns';
      ids: readonly string[];
      turns: readonly Turn[];
      running: string | null;
      answering?: string | null;
    }
  /** Context for the next question, unless the user removes it. */
  | { type: 'attached'; contexts: Context[] }
  /** A question has joined the conversation; the turns from `before` on are gone. */
  | { type: 'begun'; request: string; turn: Turn; before: string | null }
  /** The new part of an answer. */
  | { type: 'delta'; request: string; text: string; reasoning: string }
  /** An answer has ended, in any way. */
  | { type: 'ended'; request: string; turn: Ending }
  /**
   * Another conversation is shown now; its turns follow. Null is a new one; if it takes the place of
   * one that is gone, what the user was writing is for the new one, and so is the question with
   * which it begins.
   */
  | { type: 'opened'; to: string | null; isInPlace?: boolean; request?: string }
  /** The new conversation, which is shown, has an id now. */
  | { type: 'created'; id: string }
  /** What happens elsewhere has not been heard of for a while, or is heard of again. */
  | { type: 'connection'; isLost: boolean }
  /** A question could not begin, or something else went wrong; a message that can be dismissed. */
  | { type: 'trouble'; message: string };

export interface Carrier {
  /** Whether a model can go on with the text of an answer that failed. */
  readonly continuesFailed?: boolean;
  /** Whether the text of a context goes along as it is; a kernel takes only the names of its own. */
  readonly takesTexts?: boolean;
  /** Start, and report every event to a listener. */
  connect(listener: (event: CarrierEvent) => void): void;
  /**
   * Ask; events follow.
   *
   * @throws CarrierError if nobody can be asked
   */
  ask(question: Question): void;
  /** Stop an answer, here and at the upstream; the text so far stays. */
  stop(request: string): void;
  /** Remove a turn; returns whether it can be restored. */
  remove(turn: string): boolean;
  /** Put back a turn that was removed. */
  restore?(turn: string): void;
  /** Show another version of a turn, with what followed it. */
  choose?(turn: string, version: number): void;
  /**
   * Upload a file so that messages can refer to it.
   *
   * @param progress - called with the uploaded share, 0 to 1
   * @throws CarrierError with a message for the user
   */
  upload(file: File, progress: (share: number) => void, signal: AbortSignal): Promise<Part>;
  /**
   * Get the bytes of a file that was uploaded; a kernel does not send them back.
   *
   * @throws CarrierError with a message for the user
   */
  download?(file: FileFields): Promise<Blob>;
  /** Release all resources. */
  dispose(): void;
}

/** An error with a message that is safe to display; `code` is the API's error code. */
export class CarrierError extends Error {
  readonly code: string | null;
  readonly requestId: string | null;

  constructor(message: string, code: unknown = null, requestId: unknown = null) {
    super(message);
    this.code = plainOrNull(code);
    this.requestId = plainOrNull(requestId);
  }
}

/** The API's error code, or null. */
export function codeOf(error: unknown): string | null {
  return error instanceof CarrierError ? error.code : null;
}
