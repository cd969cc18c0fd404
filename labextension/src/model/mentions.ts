/**
 * What can go along with a question, offered after an `@` in it; and prompts, after a `/`.
 *
 * Where it comes from is for the sources to know, the list on the page for `view/mentions.tsx`.
 */
import type { Context, Kind } from '../protocol-types';

/** One thing that can be attached. */
export interface Mention {
  /** Unique among all that is offered. */
  readonly id: string;
  readonly kind: Kind;
  readonly label: string;
  /** What helps to find it: its first words, its type and shape, where it is. */
  readonly detail: string;
  /**
   * Attach it, or use it. Errors are shown to the user.
   *
   * @param draft - the rest of the question
   */
  attach(draft: string): void | Promise<void>;
}

export interface MentionGroup {
  readonly label: string;
  readonly mentions: readonly Mention[];
  /** Why there is nothing, if the user can do something about it. */
  readonly note?: string;
}

/** Offers things to attach. */
export interface MentionSource {
  /** Return what can be attached now; null if there is nothing to say. */
  list(): MentionGroup | null | Promise<MentionGroup | null>;
}

/** A suggested question, and the context that goes along. */
export interface ContextSource {
  readonly label: string;
  readonly suggestion?: string;
  /** Whether there is something, without taking it. */
  isThere(): boolean;
  /** Return its current content, or null if there is none. */
  take(): Context | null;
}

/** The place in a draft where something is being mentioned. */
export interface Trigger {
  readonly sign: '@' | '/';
  /** Where the sign is, and where the words after it end. */
  readonly start: number;
  readonly end: number;
  readonly query: string;
}

/** How many of a group are shown before anything is typed, and after. */
const FEW = 6;
const MANY = 30;

/** A sign at the start or after a space or bracket; within a word it is a part of an address. */
const AT = /(?:^|[\s([{"'])@([^\s@]{0,80})$/;

/** A slash is a sign only as the first letter, because it is in paths and fractions, too. */
const SLASH = /^\/([^\s/]{0,80})$/;

/** Find the sign that is being typed before the cursor; null if there is none. */
export function triggerAt(draft: string, cursor: number): Trigger | null {
  const before = draft.slice(0, cursor);
  const slash = SLASH.exec(before)?.[1];
  const query = slash ?? AT.exec(before)?.[1];
  const sign = slash === undefined ? '@' : '/';
  return query === undefined
    ? null
    : { sign, start: cursor - query.length - 1, end: cursor, query };
}

/** Return the draft without what was typed to mention something, and where its cursor is then. */
export function withoutTrigger(
  draft: string,
  { start, end }: Trigger
): { draft: string; cursor: number } {
  return { draft: draft.slice(0, start) + draft.slice(end), cursor: start };
}

/** How well something matches: 0 if its label starts with the query, 2 if nothing contains it. */
function rankOf({ label, detail }: Mention, query: string): number {
  if (label.toLowerCase().startsWith(query)) {
    return 0;
  }
  return `${label} ${detail}`.toLowerCase().includes(query) ? 1 : 2;
}

/** Return the groups with what contains the query; what starts with it comes first. */
export function filtered(groups: readonly MentionGroup[], query: string): MentionGroup[] {
  const wanted = query.toLowerCase();
  const bestOf = ({ mentions }: MentionGroup): number =>
    Math.min(...mentions.map(mention => rankOf(mention, wanted)));
  return groups
    .map(group => {
      const found = group.mentions
        .filter(mention => rankOf(mention, wanted) < 2)
        .sort((one, other) => rankOf(one, wanted) - rankOf(other, wanted));
      return { ...group, mentions: found.slice(0, wanted ? MANY : FEW) };
    })
    .filter(({ mentions, note }) => mentions.length > 0 || (note !== undefined && !wanted))
    .sort((one, other) => (wanted ? bestOf(one) - bestOf(other) : 0));
}
