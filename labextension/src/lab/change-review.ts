/**
 * The review of an answer's proposed changes in a notebook: a card at each place, and a bar on top.
 *
 * Nothing changes until the user accepts, and a change of a cell that was edited since the model saw
 * it can only be refused.
 */
import type { ISharedNotebook } from '@jupyter/ydoc';
import type { NotebookPanel } from '@jupyterlab/notebook';
import { Widget } from '@lumino/widgets';

import { START, type Change } from '../model/changes';
import type { Words } from '../translation';
import { button, changeCard } from './change-card';
import { find, indexOf, makeChange, type Edit } from './notebook-edits';
import { nameOf } from './notebook-text';
import { languageOf, sharedOf, type Notebooks } from './notebooks';

interface Open {
  change: Change;
  card: HTMLElement;
}

export interface ReviewOptions {
  /** The sources that the model has seen, and those that it proposed itself. */
  known: {
    has: (id: string, source: string) => boolean;
    add: (id: string, source: string) => void;
  };
  words: Words;
  complain: (sentence: string) => void;
}

export class ChangeReview {
  private readonly _bar = new Widget();
  private readonly _notebook: ISharedNotebook;
  private _open: Open[] = [];
  private _isClosed = false;
  private readonly _words: Words;

  /**
   * Show the changes.
   *
   * @param _options - what the model knows of the cells, and how the user is spoken to
   */
  constructor(
    private readonly _panel: NotebookPanel,
    changes: readonly Change[],
    private readonly _notebooks: Notebooks,
    private readonly _options: ReviewOptions
  ) {
    this._words = _options.words;
    this._notebook = sharedOf(_panel);
    this._bar.addClass('aqueduct-review');
    this._open = changes.map(change => this._show(change));
    _panel.contentHeader.addWidget(this._bar);
    this._drawBar();
    _panel.disposed.connect(this.close);
    _panel.content.modelChanged.connect(this.close);
    this._notebook.changed.connect(this._update);
    this._open[0]?.card.scrollIntoView({ block: 'center' });
  }

  /** Remove what is still open; nothing else changes. */
  readonly close = (): void => {
    if (this._isClosed) {
      return;
    }
    this._isClosed = true;
    this._panel.disposed.disconnect(this.close);
    this._panel.content.modelChanged.disconnect(this.close);
    this._notebook.changed.disconnect(this._update);
    this._open.forEach(({ card }) => card.remove());
    this._open = [];
    this._bar.dispose();
  };

  private _show(change: Change): Open {
    const open: Open = { change, card: document.createElement('section') };
    this._draw(open);
    return open;
  }

  /** Draw a card anew where it belongs. */
  private _draw(open: Open): void {
    const { change } = open;
    const id = change.act === 'insert' ? null : change.cell;
    const cell = id === null ? undefined : find(this._notebook, id);
    const widget = id === null ? undefined : this._widget(id);
    const card = changeCard(
      change,
      cell?.getSource() ?? '',
      widget ? this._nameOf(id!) : this._words.__('a cell that is gone'),
      this._obstacle(change),
      { accept: () => this._accept([open]), refuse: () => this._finish([open]) },
      this._words
    );
    open.card.remove();
    open.card = card;
    this._place(change, card);
  }

  private _place(change: Change, card: HTMLElement): void {
    const at = change.act === 'insert' || change.act === 'move' ? change.after : change.cell;
    const widgets = this._panel.content.widgets;
    const widget = at === START ? widgets[0] : (this._widget(at) ?? widgets[widgets.length - 1]);
    if (at === START) {
      widget?.node.prepend(card);
    } else {
      widget?.node.append(card);
    }
  }

  /** Why a change cannot be accepted; null if it can. */
  private _obstacle(change: Change): string | null {
    const named = 'cell' in change ? change.cell : change.after;
    const place = 'after' in change ? change.after : START;
    if ([named, place].some(id => id !== START && indexOf(this._notebook, id) < 0)) {
      return this._words.__('The cell is no longer there.');
    }
    if ('source' in change && hasOpenFence(change)) {
      return this._words.__('The proposed cell breaks off within a code block. Ask again.');
    }
    if (!('cell' in change) || change.act === 'move') {
      return null;
    }
    const now = find(this._notebook, change.cell)?.getSource() ?? '';
    return this._options.known.has(change.cell, now)
      ? null
      : this._words.__('The cell has changed since the model saw it. Ask again.');
  }

  private _accept(chosen: readonly Open[]): void {
    const kernel = languageOf(this._panel);
    const edits: Edit[] = [];
    const done: Open[] = [];
    this._notebook.changed.disconnect(this._update);
    // New cells below the same one are each put right below it, so the last goes in first.
    for (const open of inOrder(chosen)) {
      const isFree = this._obstacle(open.change) === null;
      const edit = isFree ? makeChange(this._notebook, open.change, kernel) : null;
      if (edit) {
        edits.push(edit);
        done.push(open);
        this._note(open.change, edit);
      }
    }
    this._notebook.changed.connect(this._update);
    if (!edits.length) {
      this._options.complain(
        this._words.__('None of these changes can be accepted; each one says why.')
      );
      return;
    }
    this._notebooks.made(this._panel, edits);
    this._finish(done);
    // The next one can be accepted with the keyboard; a cell's editor would take the key.
    this._open[0]?.card.querySelector('button')?.focus();
  }

  /** What is accepted is what the model knows. */
  private _note(change: Change, edit: Edit): void {
    if (change.act === 'replace' && edit.cell !== null) {
      this._options.known.add(change.cell, find(this._notebook, edit.cell)!.getSource());
    }
  }

  private _finish(done: readonly Open[]): void {
    done.forEach(({ card }) => card.remove());
    this._open = this._open.filter(open => !done.includes(open));
    if (!this._open.length) {
      this.close();
      return;
    }
    this._update();
  }

  private readonly _update = (): void => {
    this._open.forEach(open => this._draw(open));
    this._drawBar();
  };

  private _drawBar(): void {
    const { _words: words } = this;
    const count = document.createElement('span');
    count.textContent = words._n('%1 proposed change', '%1 proposed changes', this._open.length);
    this._bar.node.replaceChildren(
      count,
      button(words.__('Accept all'), () => this._accept(this._open), 'aqueduct-accept'),
      button(words.__('Refuse all'), this.close)
    );
  }

  private _widget(id: string) {
    return this._panel.content.widgets[indexOf(this._notebook, id)];
  }

  private _nameOf(id: string): string {
    const place = indexOf(this._notebook, id) + 1;
    const name = nameOf(this._widget(id)!);
    return name.startsWith('In[') ? this._words.__('cell %1 (%2)', place, name) : name;
  }
}

/** Insertions from the last to the first, after everything else. */
function inOrder(chosen: readonly Open[]): Open[] {
  const isInsertion = ({ change }: Open): boolean => change.act === 'insert';
  const others = chosen.filter(open => !isInsertion(open) && open.change.act !== 'delete');
  const deleted = chosen.filter(open => open.change.act === 'delete');
  return [...others, ...chosen.filter(isInsertion).reverse(), ...deleted];
}

/** Whether a Markdown cell ends within a code block, because an inner fence closed the outer one. */
function hasOpenFence({ source, language }: { source: string; language: string }): boolean {
  const fences = source.split('\n').filter(line => /^\s*(?:```|~~~)/.test(line));
  return /^(?:markdown|md)$/.test(language) && fences.length % 2 === 1;
}
