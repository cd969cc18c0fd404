import { beforeEach, expect, test, vi } from 'vitest';

import { LastChange, type LastEdits } from '../../src/lab/last-change';

let isUntouched = true;
let isVisible = true;
const order: string[] = [];
const made = (...names: string[]): LastEdits => ({
  edits: names.map(name => ({ cell: null, takeBack: () => void order.push(name) })),
  isUntouched: () => isUntouched,
  isVisible: () => isVisible
});

beforeEach(() => {
  isUntouched = true;
  isVisible = true;
  order.length = 0;
});

test('edits made together are taken back together, the last first, and once', () => {
  const last = new LastChange();
  last.remember(made('one', 'two'));
  expect(last.takeBack()).toBe(true);
  expect(last.takeBack()).toBe(false);
  expect(order).toEqual(['two', 'one']);
});

test('nothing is taken back after the cells were edited', () => {
  const last = new LastChange();
  last.remember(made('one'));
  isUntouched = false;
  expect(last.takeBack()).toBe(false);
  expect(order).toEqual([]);
});

test('undo takes it back, unless the user has typed in that very place since', () => {
  const last = new LastChange();
  const stop = last.listen(window);
  const area = document.createElement('textarea');
  const chat = document.createElement('section');
  chat.className = 'aqueduct-chat';
  chat.append(area);
  document.body.append(chat);
  const press = (target: EventTarget): boolean =>
    target.dispatchEvent(
      new KeyboardEvent('keydown', { key: 'z', ctrlKey: true, bubbles: true, cancelable: true })
    );
  last.remember(made('one'));
  area.dispatchEvent(new Event('input', { bubbles: true }));
  const heard = vi.fn();
  document.addEventListener('keydown', heard, true);
  expect(press(area)).toBe(true);
  expect(order).toEqual([]);
  expect(heard).toHaveBeenCalledTimes(1);
  expect(press(document.body)).toBe(false);
  expect(order).toEqual(['one']);
  expect(heard).toHaveBeenCalledTimes(1);
  last.remember(made('other'));
  document.body.dispatchEvent(new Event('input', { bubbles: true }));
  expect(press(document.body)).toBe(true);
  stop();
  last.remember(made('two'));
  expect(press(document.body)).toBe(true);
  expect(order).toEqual(['one']);
});

test('a change in a notebook out of sight stays, and waits until it is seen', () => {
  const last = new LastChange();
  last.remember(made('one'));
  isVisible = false;
  expect(last.takeBack()).toBe(false);
  isVisible = true;
  expect(last.takeBack()).toBe(true);
});
