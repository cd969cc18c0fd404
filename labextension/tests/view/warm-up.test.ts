import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { ENGLISH } from '../../src/translation';
import type { Typesetter } from '../../src/view/services';
import { warmUp } from '../../src/view/warm-up';

const used = {
  highlight: vi.fn<Typesetter['highlight']>(),
  typeset: vi.fn<Typesetter['typeset']>(),
  prepare: vi.fn<() => void>()
};

beforeEach(() => {
  vi.clearAllMocks();
  vi.useFakeTimers();
});

afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

/** Have a browser that tells when it is idle, or one that does not. */
function browse(tells: boolean): void {
  if (tells) {
    vi.stubGlobal('requestIdleCallback', (work: () => void) => setTimeout(work, 50));
    vi.stubGlobal('cancelIdleCallback', clearTimeout);
  }
}

test.each([true, false])('all is used once before an answer needs it (idle: %s)', tells => {
  browse(tells);
  const typesetter = { ...used };
  warmUp(typesetter, ENGLISH);
  expect(used.typeset).not.toHaveBeenCalled();
  vi.runAllTimers();
  expect(used.highlight).toHaveBeenCalledOnce();
  expect(used.typeset).toHaveBeenCalledOnce();
  expect(used.prepare).toHaveBeenCalledOnce();
  expect(document.body.children).toHaveLength(0);
  // A second chat on the page finds it warm.
  warmUp(typesetter, ENGLISH);
  vi.runAllTimers();
  expect(used.typeset).toHaveBeenCalledOnce();
});

test.each([true, false])('nothing comes after a chat that has gone (idle: %s)', tells => {
  browse(tells);
  warmUp({ ...used }, ENGLISH)();
  vi.runAllTimers();
  expect(used.typeset).not.toHaveBeenCalled();
});
