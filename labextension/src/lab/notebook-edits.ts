/**
 * Edits of a notebook's cells, each of which can be taken back.
 *
 * They use the shared document, so they work whichever cell is active. Which edits are made is left
 * to the plugins, and showing them to `notebooks.ts`.
 */
import type { ISharedCell, ISharedNotebook, SharedCell } from '@jupyter/ydoc';
import { UUID } from '@lumino/coreutils';

import { cellSource, type CellSource } from '../model/cell-source';
import { START, type Change } from '../model/changes';

/** An edit that was made. */
export interface Edit {
  /** The cell to show; null if it is gone. */
  cell: string | null;
  takeBack: () => void;
}

/**
 * Make a proposed change.
 *
 * @param kernel - the notebook's language
 * @returns null if a cell that it names is not there
 */
export function makeChange(notebook: ISharedNotebook, change: Change, kernel: string): Edit | null {
  if (change.act === 'insert') {
    const index = indexAfter(notebook, change.after);
    const cell = cellSource(change.source, change.language, kernel);
    return index === null ? null : insertCell(notebook, index, cell);
  }
  const index = indexOf(notebook, change.cell);
  if (index < 0) {
    return null;
  }
  if (change.act === 'delete') {
    return deleteCell(notebook, index);
  }
  if (change.act === 'replace') {
    const old = notebook.getCell(index);
    return replaceCell(notebook, change.cell, replacement(old, change, kernel));
  }
  const to = indexAfter(notebook, change.after);
  return to === null ? null : moveCell(notebook, index, to > index ? to - 1 : to);
}

/** Insert a new cell at an index. */
export function insertCell(
  notebook: ISharedNotebook,
  index: number,
  { kind, source }: CellSource
): Edit {
  const id = UUID.uuid4();
  // JupyterLab trusts what the user adds, too.
  const metadata = kind === 'code' ? { trusted: true } : {};
  notebook.insertCell(index, { id, cell_type: kind, source, metadata });
  return {
    cell: id,
    takeBack: () => remove(notebook, id)
  };
}

/** Give a cell another source, and another type if that is needed. */
export function replaceCell(
  notebook: ISharedNotebook,
  id: string,
  { kind, source }: Omit<CellSource, 'canRun'>
): Edit {
  const before = find(notebook, id)!.toJSON() as SharedCell.Cell;
  if (before.cell_type === kind) {
    const old = find(notebook, id)!.getSource();
    setSource(notebook, id, source);
    return { cell: id, takeBack: () => setSource(notebook, id, old) };
  }
  const put = (cell: SharedCell.Cell): void => {
    const index = indexOf(notebook, id);
    notebook.transact(() => {
      notebook.deleteCell(index);
      notebook.insertCell(index, cell);
    });
  };
  put({ id, cell_type: kind, source, metadata: {} });
  return { cell: id, takeBack: () => put(before) };
}

/** The cells as they are: whoever edits one, or adds or moves one, changes this. */
export function stateOf(notebook: ISharedNotebook): string {
  return JSON.stringify(notebook.cells.map(cell => [cell.getId(), cell.getSource()]));
}

/** Return the place of a cell; -1 if it is not there. */
export function indexOf(notebook: ISharedNotebook, id: string): number {
  return notebook.cells.findIndex(cell => cell.getId() === id);
}

export function find(notebook: ISharedNotebook, id: string): ISharedCell | undefined {
  return notebook.cells[indexOf(notebook, id)];
}

function deleteCell(notebook: ISharedNotebook, index: number): Edit {
  const before = notebook.getCell(index).toJSON() as SharedCell.Cell;
  notebook.deleteCell(index);
  return {
    cell: null,
    takeBack: () => {
      notebook.insertCell(Math.min(index, notebook.cells.length), before);
    }
  };
}

function moveCell(notebook: ISharedNotebook, from: number, to: number): Edit {
  const id = notebook.getCell(from).getId();
  notebook.moveCell(from, to);
  return {
    cell: id,
    takeBack: () => notebook.moveCell(indexOf(notebook, id), from)
  };
}

/** A block without a language of its own keeps the cell's type. */
function replacement(
  old: ISharedCell,
  change: Change & { act: 'replace' },
  kernel: string
): Pick<CellSource, 'kind' | 'source'> {
  if (change.language === '' && old.cell_type !== 'code') {
    return { kind: old.cell_type as 'markdown', source: change.source };
  }
  return cellSource(change.source, change.language, kernel);
}

function setSource(notebook: ISharedNotebook, id: string, source: string): void {
  const cell = find(notebook, id);
  cell?.updateSource(0, cell.getSource().length, source);
}

function remove(notebook: ISharedNotebook, id: string): void {
  const index = indexOf(notebook, id);
  if (index >= 0) {
    notebook.deleteCell(index);
  }
}

function indexAfter(notebook: ISharedNotebook, after: string): number | null {
  if (after === START) {
    return 0;
  }
  const index = indexOf(notebook, after);
  return index < 0 ? null : index + 1;
}
