/** Work on parts of a page that waits until somebody is about to see them. */

/** How near something must be: about a page above or below what is seen. */
const NEAR = '800px';

const waiting = new WeakMap<Element, () => void>();
let observer: IntersectionObserver | null = null;

/** Do something once an element is near what is seen on the screen. */
export function whenNear(node: Element, work: () => void): void {
  // TypeScript's DOM does not have the second yet; a browser without it waits for what is seen.
  const margins = { rootMargin: NEAR, scrollMargin: NEAR } as IntersectionObserverInit;
  observer ??= new IntersectionObserver(look, margins);
  waiting.set(node, work);
  observer.observe(node);
}

function look(entries: IntersectionObserverEntry[]): void {
  for (const { target, isIntersecting } of entries) {
    if (isIntersecting) {
      observer!.unobserve(target);
      waiting.get(target)?.();
      waiting.delete(target);
    }
  }
}
