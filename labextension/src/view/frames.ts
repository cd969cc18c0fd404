/** When work is done that takes a part of a frame: in one that has room for it, or while all is quiet. */

/** How long other work may have taken in a frame, in milliseconds; a frame has 16. */
const BUSY_MS = 8;

/** How many full frames are let pass; where all are full, it is done all the same. */
const MOST_PASSED = 6;

/** Do something in the next frame, or in one soon after it if others have filled that. */
export function inFrameWithRoom(work: () => void, passed = 0): void {
  requestAnimationFrame(began => {
    if (passed < MOST_PASSED && performance.now() - began > BUSY_MS) {
      inFrameWithRoom(work, passed + 1);
    } else {
      work();
    }
  });
}

/**
 * Do something once the page has nothing else to do.
 *
 * @param work - is done
 * @param most - the longest wait, in milliseconds; where the browser cannot tell, the wait
 * @returns a function that cancels it
 */
export function whenQuiet(work: () => void, most: number): () => void {
  if ('requestIdleCallback' in window) {
    const waiting = requestIdleCallback(work, { timeout: most });
    return () => cancelIdleCallback(waiting);
  }
  // Safari has none.
  const timer = setTimeout(work, most);
  return () => clearTimeout(timer);
}
