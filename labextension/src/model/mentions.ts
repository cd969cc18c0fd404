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
  /** Its place in the list, whichever plugin is there first: 0 is the first one. */
  readonly rank?: number;
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

/** The most characters before the cursor that may belong to a mention. */
const NEAR = 100;

/**
 * A sign at the start or after a space or bracket; within a word it is a part of an address. A name
 * may have spaces, so what follows goes on to the end of the line.
 */
const AT = /(?:^|[\s([{"'])@((?:[^\s@][^\n@]{0,79})?)$/;

/** A slash is a sign only as the first letter, because it is in paths and fractions, too. */
const SLASH = /^\/((?:[^\s/][^\n/]{0,79})?)$/;

/** Find the sign that is being typed before the cursor; null if there is none. */
export function triggerAt(draft: string, cursor: number): Trigger | null {
  const slash = cursor < NEAR ? SLASH.exec(draft.slice(0, cursor))?.[1] : undefined;
  const query = slash ?? AT.exec(draft.slice(Math.max(0, cursor - NEAR), cursor))?.[1];
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

/** How well something matches: 0 if it is called so; what does not match is the worst. */
function rankOf({ label, detail }: Mention, query: string): number {
  const name = label.toLowerCase();
  if (name === query) {
    return 0;
  }
  if (name.startsWith(query)) {
    return 1;
  }
  return name.includes(query) ? 2 : detail.toLowerCase().includes(query) ? 3 : NO_MATCH;
}

const NO_MATCH = 4;

/** Return the groups with what contains the query; what starts with it comes first. */
export function filtered(groups: readonly MentionGroup[], query: string): MentionGroup[] {
  const wanted = query.toLowerCase();
  // Words that follow a mention are no part of it, unless something is called so.
  const worst = /\s/.test(query) ? 3 : NO_MATCH;
  const rankIn = ({ mentions }: MentionGroup): number =>
    Math.min(...mentions.map(mention => rankOf(mention, wanted)));
  return groups
    .map(group => {
      const found = group.mentions
        .filter(mention => rankOf(mention, wanted) < worst)
        .sort((one, other) => rankOf(one, wanted) - rankOf(other, wanted));
      return { ...group, mentions: found.slice(0, wanted ? MANY : FEW) };
    })
    .filter(({ mentions, note }) => mentions.length > 0 || (note !== undefined && !wanted))
    .sort((one, other) => (wanted ? rankIn(one) - rankIn(other) : 0));
}

/** The first of what matches best; null if there is nothing. */
export function bestOf(groups: readonly MentionGroup[], query: string): Mention | null {
  const wanted = query.toLowerCase();
  const [best] = groups
    .flatMap(({ mentions }) => mentions)
    .map(mention => ({ mention, rank: wanted ? rankOf(mention, wanted) : 0 }))
    .sort((one, other) => one.rank - other.rank);
  return best?.mention ?? null;
}
