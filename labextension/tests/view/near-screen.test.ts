import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import type { whenNear } from '../../src/view/near-screen';

type Seen = Pick<IntersectionObserverEntry, 'target' | 'isIntersecting'>;

let see: (...seen: Seen[]) => void;
let when: typeof whenNear;
const unobserve = vi.fn<(node: Element) => void>();

beforeEach(async () => {
  vi.resetModules();
  vi.clearAllMocks();
  class Observer {
    constructor(tell: (seen: Seen[]) => void) {
      see = (...seen) => tell(seen);
    }
    observe(): void {
      return;
    }
    unobserve = unobserve;
  }
  vi.stubGlobal('IntersectionObserver', Observer);
  ({ whenNear: when } = await import('../../src/view/near-screen'));
});

afterEach(() => vi.unstubAllGlobals());

test('what nobody is about to see waits, and is done once', () => {
  const [near, far] = [document.createElement('p'), document.createElement('p')];
  const done: string[] = [];
  when(near, () => done.push('near'));
  when(far, () => done.push('far'));
  see({ target: near, isIntersecting: true }, { target: far, isIntersecting: false });
  expect(done).toEqual(['near']);
  see({ target: near, isIntersecting: true });
  expect(done).toEqual(['near']);
  see({ target: far, isIntersecting: true });
  expect(done).toEqual(['near', 'far']);
  expect(unobserve.mock.calls).toContainEqual([far]);
});
