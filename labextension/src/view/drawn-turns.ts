/**
 * How much of something long is drawn: what is seen first at once, the rest soon after.
 *
 * A conversation opens at its end and a list at its beginning, so nobody waits for what is far away.
 */
import { useEffect, useState } from 'preact/hooks';

import type { Turn } from '../protocol-types';
import { whenQuiet } from './frames';

/** Turns that are drawn at once: more than fit on a page. */
const AT_ONCE = 20;

/** Turns that are drawn in one step, so that whoever types meanwhile waits for no more than that. */
const A_STEP = 3;

/** The longest pause between two steps, in milliseconds. */
const PAUSE_MS = 50;

/** Return the turns to draw, which are the last ones; later all. */
export function useDrawnTurns(turns: readonly Turn[]): readonly Turn[] {
  const count = useDrawnCount(turns[0]?.id, turns.length, AT_ONCE, A_STEP);
  return count >= turns.length ? turns : turns.slice(-count);
}

/**
 * Return how many parts to draw.
 *
 * @param what - whose parts they are; when it is another, drawing begins anew
 * @param all - how many there are
 * @param atOnce - how many are drawn at once
 * @param step - how many more are drawn after each pause
 */
export function useDrawnCount(what: unknown, all: number, atOnce: number, step: number): number {
  const [drawn, setDrawn] = useState({ what, count: atOnce });
  const count = drawn.what === what ? drawn.count : atOnce;
  const isAll = count >= all;
  useEffect(() => setDrawn({ what, count: atOnce }), [what]);
  useEffect(() => {
    if (isAll) {
      return undefined;
    }
    return whenQuiet(() => setDrawn({ what, count: count + step }), PAUSE_MS);
  }, [what, count, isAll]);
  return count;
}
