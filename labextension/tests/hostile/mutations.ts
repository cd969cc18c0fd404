/** What an upstream may say in the place of each word that it should say. */

const MARKUP = '<img src=x onerror="window.hit=1">"\'';
const UNSEEN = '\u202e\u2066\u200f\u200b\u0000\u001b[2J\u2028\ud800';

/** Markup, what nobody sees, and more letters than there is room for. */
export const PAYLOAD = `${MARKUP}${UNSEEN}${'x'.repeat(100_000)}`;

const WRONG: readonly unknown[] = [PAYLOAD, '', null, -1.5, 1e308, [null], {}, [PAYLOAD]];

/** A message with one field, or one of what is around it, in another form than it should have. */
export interface Mutation {
  /** Which, and how: `choices.0.delta = null`. */
  readonly name: string;
  readonly said: unknown;
}

/** Give a message in every wrong form: each of its fields in turn, and the whole. */
export function mutationsOf(valid: unknown): Mutation[] {
  return pathsIn(valid).flatMap(path =>
    WRONG.map(wrong => {
      const name = `${path.join('.') || 'all'} = ${JSON.stringify(wrong).slice(0, 40)}`;
      return { name, said: replaced(valid, path, wrong) };
    })
  );
}

function pathsIn(value: unknown): string[][] {
  const inside = typeof value === 'object' && value !== null ? Object.entries(value) : [];
  return [[], ...inside.flatMap(([key, field]) => pathsIn(field).map(path => [key, ...path]))];
}

function replaced(value: unknown, [key, ...rest]: readonly string[], wrong: unknown): unknown {
  if (key === undefined) {
    return wrong;
  }
  const copy = (
    Array.isArray(value) ? [...(value as unknown[])] : { ...(value as object) }
  ) as Record<string, unknown>;
  copy[key] = replaced(copy[key], rest, wrong);
  return copy;
}
