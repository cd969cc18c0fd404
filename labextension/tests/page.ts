/** The chat and its parts on a page, drawn as far as they can be. */
import { render, type ComponentChild } from 'preact';
import { act } from 'preact/test-utils';

import { settled } from './jupyter-server';

/** Draw something into an element of the page's own; gives it, and what takes it away. */
export async function drawn(
  what: ComponentChild
): Promise<{ node: HTMLElement; takeAway: () => Promise<void> }> {
  const node = document.createElement('div');
  document.body.append(node);
  await act(() => render(what, node));
  const takeAway = async (): Promise<void> => {
    await act(() => render(null, node));
    node.remove();
  };
  return { node, takeAway };
}

/** Wait until all that was begun is done, and drawn. */
export async function redrawn(): Promise<void> {
  await act(settled);
}

/** Open a popup by its label. */
export async function opened(node: HTMLElement, label: string): Promise<void> {
  const popup = node.querySelector(`summary[aria-label='${label}']`)!.closest('details')!;
  const toggled = new Promise(resolve => {
    popup.addEventListener('toggle', resolve, { once: true });
  });
  popup.open = true;
  await toggled;
  await redrawn();
}
