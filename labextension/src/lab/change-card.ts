/** A proposed change as it stands in the notebook: what it is, the difference, accept and refuse. */
import { cellSource } from '../model/cell-source';
import type { Change } from '../model/changes';
import type { Words } from '../translation';
import { differenceOf } from './difference';

/** What the user can do with a change. */
export interface Choice {
  accept: () => void;
  refuse: () => void;
}

/**
 * Return the card of a change.
 *
 * @param before - the cell's present source; '' for a new cell
 * @param name - what the cell is called
 * @param obstacle - why it cannot be accepted; null if it can
 */
export function changeCard(
  change: Change,
  before: string,
  name: string,
  obstacle: string | null,
  choice: Choice,
  words: Words
): HTMLElement {
  const card = document.createElement('section');
  card.className = 'aqueduct-change';
  const title = titleOf(change, name, words);
  card.setAttribute('aria-label', title);
  const head = document.createElement('header');
  const label = document.createElement('span');
  label.textContent = title;
  head.append(label);
  if (obstacle === null) {
    head.append(button(words.__('Accept'), choice.accept, 'aqueduct-accept'));
  }
  head.append(button(words.__('Refuse'), choice.refuse));
  card.append(head);
  if (obstacle !== null) {
    const reason = document.createElement('p');
    reason.textContent = obstacle;
    card.append(reason);
  }
  if (change.act !== 'move') {
    const box = document.createElement('div');
    box.className = 'aqueduct-difference';
    box.append(differenceOf(before, after(change)));
    card.append(box);
  }
  return card;
}

export function button(label: string, act: () => void, kind = ''): HTMLButtonElement {
  const node = document.createElement('button');
  node.type = 'button';
  node.className = `aqueduct-button ${kind}`.trim();
  node.textContent = label;
  node.addEventListener('click', act);
  return node;
}

function titleOf(change: Change, name: string, words: Words): string {
  switch (change.act) {
    case 'insert':
      return words.__('New cell');
    case 'delete':
      return words.__('Delete %1', name);
    case 'move':
      return words.__('Move %1 here', name);
    default:
      return words.__('Change %1', name);
  }
}

function after(change: Change): string {
  return 'source' in change ? cellSource(change.source, change.language).source : '';
}
