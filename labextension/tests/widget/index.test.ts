import { expect, test, vi } from 'vitest';

import widget from '../../src/widget/index';
import { offer } from '../../src/view/services';
import { redrawn } from '../page';

const HTML = '<div class="aqueduct-transcript-1"></div>';

/** What a kernel sends to a widget whose page was loaded again. */
const KEPT = { type: 'kept', data: { 'text/html': HTML, 'text/plain': 'You: Hi' } };

/** Show a widget that a notebook has kept, and give the style that it adds to the page. */
async function styleFor(transcript: string): Promise<string> {
  const kept: Record<string, unknown> = { height: 100, model: '', transcript };
  const model = { get: (name: string) => kept[name], on: vi.fn(), off: vi.fn(), send: vi.fn() };
  const el = document.createElement('div');
  document.body.append(el);
  const leave = widget.initialize({ model } as never);
  const takeAway = widget.render({ model, el } as never);
  await redrawn();
  const style = document.head.querySelector('style:last-of-type')!.textContent;
  takeAway();
  leave();
  return style;
}

test.each([
  ['aqueduct-transcript-1', 1],
  ['', 0],
  ['jp-Dialog', 0]
])('the transcript %j is for the notebook to keep', (transcript, times) => {
  const keep = vi.fn();
  offer({ transcripts: { keep } });
  const listeners: ((message: unknown) => void)[] = [];
  const kept: Record<string, unknown> = { height: 100, model: '', transcript };
  const on = (_: string, listener: (message: unknown) => void): number => listeners.push(listener);
  const model = { get: (name: string) => kept[name], on, off: vi.fn(), send: vi.fn() };
  const leave = widget.initialize({ model } as never);
  listeners.forEach(listener => listener(KEPT));
  expect(keep.mock.calls).toEqual(Array(times).fill([transcript, KEPT.data]));
  leave();
});

test('the kept conversation beside a live panel is hidden', async () => {
  expect(await styleFor('aqueduct-transcript-1')).toContain('.aqueduct-transcript-1, ');
});

test.each(['', 'jp-Dialog', '* {} body'])('a saved notebook cannot hide %j', async transcript =>
  expect(await styleFor(transcript)).toBe('')
);
