import { expect, test, vi } from 'vitest';

import widget from '../../src/widget/index';
import { redrawn } from '../page';

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

test('the kept conversation beside a live panel is hidden', async () => {
  expect(await styleFor('aqueduct-transcript-1')).toContain('.aqueduct-transcript-1, ');
});

test.each(['', 'jp-Dialog', '* {} body'])('a saved notebook cannot hide %j', async transcript =>
  expect(await styleFor(transcript)).toBe('')
);
