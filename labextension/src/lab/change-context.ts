/** What a model is told so that it can propose changes: the cells with their ids, and how. */
import type { Cell } from '@jupyterlab/cells';
import type { NotebookPanel } from '@jupyterlab/notebook';

import { changesPrompt } from '../model/changes';
import type { Context } from '../protocol-types';
import { fileOf, nameOf, outputText, sourceOf } from './notebook-text';
import { languageOf } from './notebooks';

/** The cells of a notebook with their ids, and how to propose changes of them. */
export function changesContext(panel: NotebookPanel): Context {
  const text = changesOf(panel, panel.content.widgets);
  return { kind: 'notebook', name: `cells of ${fileOf(panel)}`, text };
}

/** One cell of a notebook with its id, and how to propose changes of it. */
export function changeContext(panel: NotebookPanel, cell: Cell): Context {
  const name = `${nameOf(cell)} of ${fileOf(panel)}`;
  return { kind: 'cell', name, text: changesOf(panel, [cell]) };
}

function changesOf(panel: NotebookPanel, cells: readonly Cell[]): string {
  const language = languageOf(panel);
  const told = cells.map(cell => ({
    id: cell.model.sharedModel.getId(),
    kind: cell.model.type === 'code' ? language : cell.model.type,
    source: sourceOf(cell),
    output: outputText(cell)
  }));
  return changesPrompt(told);
}
