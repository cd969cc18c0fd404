/**
 * How many turns of a long conversation are drawn: the last ones at once, the others soon after.
 *
 * A conversation opens at its end, so nobody waits for its beginning.
 */
import { useEffect, useState } from 'preact/hooks';

import type { Turn } from '../protocol-types';

/** Turns that are drawn at once: more than fit on a page. */
const AT_ONCE = 20;

/** Turns that are drawn in one step, and the pause between two, in milliseconds. */
const A_STEP = 8;
const PAUSE_MS = 16;

/** Return the turns to draw, which are the last ones; later all. */
export function useDrawnTurns(turns: readonly Turn[]): readonly Turn[] {
  const first = turns[0]?.id;
  const [drawn, setDrawn] = useState({ first, count: AT_ONCE });
  // Another conversation begins anew.
  const count = drawn.first === first ? drawn.count : AT_ONCE;
  const isAll = count >= turns.length;
  useEffect(() => setDrawn({ first, count: AT_ONCE }), [first]);
  useEffect(() => {
    if (isAll) {
      return;
    }
    const timer = window.setTimeout(() => setDrawn({ first, count: count + A_STEP }), PAUSE_MS);
    return () => window.clearTimeout(timer);
  }, [first, count, isAll]);
  return isAll ? turns : turns.slice(-count);
}
