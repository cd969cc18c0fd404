/** What can be attached of the document in front: its cells, outputs, selection, error, and all. */
import type { Cell } from '@jupyterlab/cells';
import type { NotebookPanel } from '@jupyterlab/notebook';

import type { ChatModel } from '../model/chat';
import type { Mention, MentionGroup, MentionSource } from '../model/mentions';
import { plainText } from '../model/plain-text';
import type { Context, Kind } from '../protocol-types';
import type { Words } from '../translation';
import type { DocumentInFront } from './document-in-front';
import {
  cellContext,
  errorContext,
  fileOf,
  nameOf,
  notebookContext,
  outputContext,
  outputsOf,
  selectionContext,
  sourceOf
} from './notebook-text';
import { hasMore } from './outputs';

/** Characters of a cell's first line that are shown. */
const FIRST_WORDS = 60;

/** The active cell, the selection, the last error and the whole notebook. */
export class FrontMentions implements MentionSource {
  constructor(
    private readonly _front: DocumentInFront,
    private readonly _model: ChatModel,
    private readonly _words: Words
  ) {}

  list(): MentionGroup | null {
    const panel = this._front.notebook;
    const mentions = [this._selection(), ...(panel ? this._ofNotebook(panel) : [])];
    return {
      label: panel ? fileOf(panel) : this._words.__('In front'),
      mentions: mentions.filter(mention => mention !== null)
    };
  }

  private _selection(): Mention | null {
    const selected = this._front.selected;
    return (
      selected && {
        id: 'selection',
        kind: 'selection',
        label: this._words.__('Selection'),
        detail: plainText(selected.text, FIRST_WORDS),
        attach: () => this._model.draft.add(selectionContext(selected.text, selected.path))
      }
    );
  }

  private _ofNotebook(panel: NotebookPanel): (Mention | null)[] {
    const { activeCell } = panel.content;
    const error = errorContext(panel);
    const add = (
      id: string,
      kind: Kind,
      label: string,
      detail: string,
      take: () => Context
    ): Mention => ({
      id,
      kind,
      label,
      detail,
      attach: () => this._model.draft.add(take())
    });
    return [
      activeCell &&
        add('active', 'cell', this._words.__('Active cell'), firstWords(activeCell), () =>
          cellContext(activeCell)
        ),
      error &&
        add('error', 'error', this._words.__('Last error'), plainText(error.name), () => error),
      add('notebook', 'notebook', this._words.__('Whole notebook'), fileOf(panel), () =>
        notebookContext(panel)
      )
    ];
  }
}

/** The cells of the notebook in front, and their outputs with pictures or tables. */
export class CellMentions implements MentionSource {
  readonly rank = 2;

  constructor(
    private readonly _front: DocumentInFront,
    private readonly _model: ChatModel,
    private readonly _words: Words
  ) {}

  list(): MentionGroup | null {
    const panel = this._front.notebook;
    return (
      panel && {
        label: this._words.__('Cells of %1', fileOf(panel)),
        mentions: panel.content.widgets.flatMap(cell => this._of(cell))
      }
    );
  }

  private _of(cell: Cell): Mention[] {
    const name = nameOf(cell);
    const { id } = cell.model;
    const all: Mention[] = [];
    if (sourceOf(cell).trim()) {
      all.push({
        id: `cell-${id}`,
        kind: 'cell',
        label: name,
        detail: firstWords(cell),
        attach: () => this._model.draft.add(cellContext(cell))
      });
    }
    if (hasMore(outputsOf(cell))) {
      all.push({
        id: `output-${id}`,
        kind: 'output',
        label: this._words.__('Output of %1', name),
        detail: firstWords(cell),
        attach: () => this._model.draft.add(outputContext(cell))
      });
    }
    return all;
  }
}

function firstWords(cell: Cell): string {
  return plainText(sourceOf(cell).trim().split('\n', 1)[0], FIRST_WORDS);
}
