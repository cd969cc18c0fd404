import { h, render, type JSX } from 'preact';
import { act } from 'preact/test-utils';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { newTurn, type Turn } from '../../src/protocol-types';
import { useDrawnTurns } from '../../src/view/drawn-turns';
import { drawn } from '../page';

let turns: Turn[];
let node: HTMLElement;
let takeAway: () => Promise<void>;

function List(): JSX.Element {
  return h('ul', {}, ...useDrawnTurns(turns).map(({ prompt }) => h('li', {}, prompt)));
}

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  turns = Array.from({ length: 50 }, (_, number) => newTurn(`${number}`, ''));
  ({ node, takeAway } = await drawn(h(List, {})));
});

afterEach(async () => {
  vi.useRealTimers();
  await takeAway();
});

const shown = (): string[] => [...node.querySelectorAll('li')].map(one => one.textContent);

test('the end is drawn at once, and the beginning follows', async () => {
  expect(shown()).toEqual(turns.slice(-20).map(({ prompt }) => prompt));
  for (let step = 0; step < 30; step++) {
    await act(() => void vi.advanceTimersByTime(50));
  }
  expect(shown()).toHaveLength(50);
});

test('a conversation that is opened again begins at its end again', async () => {
  const all = turns;
  for (let step = 0; step < 30; step++) {
    await act(() => void vi.advanceTimersByTime(50));
  }
  for (turns of [[], all]) {
    await act(() => render(h(List, {}), node));
  }
  expect(shown()).toHaveLength(20);
});
