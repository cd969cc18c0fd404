/**
 * The plugin that adds the cells which an answer in a notebook asks for, below its own.
 *
 * The kernel's protocol knows only one next cell; the kernel puts the others into an output. What
 * comes from a saved notebook is left alone: only cells that the user runs now add any.
 */
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import type { Cell, CodeCell } from '@jupyterlab/cells';
import { NotebookActions, type Notebook } from '@jupyterlab/notebook';

import { objectIn, textIn, textsIn } from '../carriers/json';
import { indexOf } from './notebook-edits';

/** The kernel's side is `aqueduct_jupyter/kernel/notebook.py`. */
const MIMETYPE = 'application/vnd.aqueduct.cells+json';

/** The most cells that one answer adds, and the longest of them in characters. */
const MOST_CELLS = 50;
const LONGEST_CELL = 200_000;

interface NextCells {
  /** The cell that the kernel's own message has added. */
  first: string;
  others: string[];
}

/** Add the cells that the outputs of a cell ask for; only once, also if it is called again. */
export function addNextCells(notebook: Notebook, cell: Cell): void {
  if (cell.model.type !== 'code' || !notebook.model) {
    return;
  }
  const { outputs } = (cell as CodeCell).model;
  for (let number = 0; number < outputs.length; number++) {
    const output = outputs.get(number);
    const next = nextCellsIn(output.data[MIMETYPE]);
    if (next) {
      insert(notebook, cell, next);
      // What the cells below say need not be said twice.
      outputs.set(number, {
        output_type: 'display_data',
        data: { 'text/plain': '' },
        metadata: {}
      });
    }
  }
}

function insert(notebook: Notebook, cell: Cell, { first, others }: NextCells): void {
  const shared = notebook.model!.sharedModel;
  const index = indexOf(shared, cell.model.sharedModel.getId());
  const isBelow = shared.cells[index + 1]?.getSource() === first;
  const start = index + (isBelow ? 2 : 1);
  // Like JupyterLab's own: what a kernel adds is not trusted before the user runs it.
  const cells = others.map(source => ({
    cell_type: 'code' as const,
    source,
    metadata: { trusted: false }
  }));
  shared.insertCells(start, cells);
}

function nextCellsIn(value: unknown): NextCells | null {
  const { first, others } = objectIn(value);
  const texts = textsIn(others).filter(text => text.length <= LONGEST_CELL);
  return texts.length ? { first: textIn(first), others: texts.slice(0, MOST_CELLS) } : null;
}

export const nextCellsPlugin: JupyterFrontEndPlugin<void> = {
  id: 'aqueduct-jupyter:next-cells',
  description: 'Adds each code block of an answer in a notebook as a cell below it.',
  autoStart: true,
  activate: (_app: JupyterFrontEnd) => {
    NotebookActions.executed.connect((_, { notebook, cell }) => addNextCells(notebook, cell));
  }
};
