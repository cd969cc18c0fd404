/**
 * What a model sees of a notebook: a cell, its outputs, its error, or the whole notebook.
 *
 * The plugins choose the notebook and the moment; outputs are read in `outputs.ts`. Long text is cut,
 * with a note, and the chip says so.
 */
import type { Cell, ICodeCellModel } from '@jupyterlab/cells';
import { PathExt } from '@jupyterlab/coreutils';
import type * as nbformat from '@jupyterlab/nbformat';
import type { NotebookPanel } from '@jupyterlab/notebook';
import type { Widget } from '@lumino/widgets';

import { beginningOf, endOf, plainText } from '../model/plain-text';
import { NOTHING_LEFT_OUT, type Context, type LeftOut } from '../protocol-types';
import { plainOf, read } from './outputs';

/** Longest context in characters: about 8,000 tokens. */
const MOST_CHARACTERS = 24_000;

/** Longest output within a whole notebook, in characters. */
const MOST_OF_OUTPUT = 1_000;

/** A cell with its outputs. */
export function cellContext(cell: Cell): Context {
  const name = `${nameOf(cell)}${ofNotebook(cell)}`;
  const { texts, pictures, left } = read(outputsOf(cell), name);
  const source = sourceOf(cell);
  const text = texts.length ? `${source}\n\n# Output:\n${texts.join('\n')}` : source;
  return { kind: 'cell', name: named(name), ...cut(text, MOST_CHARACTERS, left), pictures };
}

/** The outputs of a cell, without its source. */
export function outputContext(cell: Cell): Context {
  const name = `${nameOf(cell)}${ofNotebook(cell)}`;
  const { texts, pictures, left } = read(outputsOf(cell), name);
  const text = cut(texts.join('\n'), MOST_CHARACTERS, left);
  return { kind: 'output', name: `output of ${name}`, ...text, pictures };
}

/**
 * The selected text of a document.
 *
 * @param path - the document's path
 */
export function selectionContext(selected: string, path = ''): Context {
  const name = path ? `selection of ${PathExt.basename(path)}` : 'selection';
  return { kind: 'selection', name, ...cut(selected, MOST_CHARACTERS) };
}

/** Whether a cell has failed; no output is read for it. */
export function hasError({ content }: NotebookPanel): boolean {
  return content.widgets.some(({ model }) => {
    const { outputs } = model as Partial<ICodeCellModel>;
    const numbers = Array.from({ length: outputs?.length ?? 0 }, (_, number) => number);
    return numbers.some(number => outputs!.get(number).type === 'error');
  });
}

/** The cell that failed last, with its error; null if none failed. */
export function errorContext(panel: NotebookPanel): Context | null {
  const failed = panel.content.widgets
    .filter(cell => errorOf(cell) !== null)
    .sort((one, other) => countOf(one) - countOf(other))
    .pop();
  return failed ? errorOfCell(failed) : null;
}

/** A cell with its error; null if it has none. */
export function errorOfCell(cell: Cell): Context | null {
  const error = errorOf(cell);
  if (error === null) {
    return null;
  }
  const text = `${sourceOf(cell)}\n\n# Error:\n${plainOf(error)}`;
  const name = `error in ${nameOf(cell)}${ofNotebook(cell)}`;
  return { kind: 'error', name, ...cut(text, MOST_CHARACTERS) };
}

/** All cells; long outputs are cut, and pictures left out. */
export function notebookContext(panel: NotebookPanel): Context {
  const left: LeftOut = { ...NOTHING_LEFT_OUT };
  const cells = panel.content.widgets.map(cell => {
    const outputs = read(outputsOf(cell), '', 0);
    left.pictures += outputs.left.pictures;
    left.rows += outputs.left.rows;
    const shown = outputs.texts.map(text => {
      const output = cut(text, MOST_OF_OUTPUT);
      left.characters += output.left?.characters ?? 0;
      return `# Output:\n${output.text}`;
    });
    return [`[${nameOf(cell)}]`, sourceOf(cell), ...shown].join('\n');
  });
  const name = `notebook ${fileOf(panel)}`;
  return { kind: 'notebook', name, ...cut(cells.join('\n\n'), MOST_CHARACTERS, left) };
}

/** The filename of a notebook. */
export function fileOf(panel: NotebookPanel): string {
  return plainText(PathExt.basename(panel.context.path));
}

/** A cell's outputs as text; long ones are cut. */
export function outputText(cell: Cell): string {
  return cut(read(outputsOf(cell), '', 0).texts.join('\n'), MOST_OF_OUTPUT).text;
}

export function sourceOf(cell: Cell): string {
  return cell.model.sharedModel.getSource();
}

/** What a cell is called: its prompt if it has run, otherwise its place, because many have not. */
export function nameOf(cell: Cell): string {
  const count = countOf(cell);
  if (count) {
    return `In[${count}]`;
  }
  const number = (notebookOf(cell)?.content.widgets.indexOf(cell) ?? -1) + 1;
  if (cell.model.type !== 'code') {
    return number ? `cell ${number} (${cell.model.type})` : cell.model.type;
  }
  return number ? `cell ${number}` : 'In[ ]';
}

export function outputsOf(cell: Cell): nbformat.IOutput[] {
  const { outputs } = cell.model.toJSON() as { outputs?: nbformat.IOutput[] };
  return outputs ?? [];
}

function named(name: string): string {
  return name.startsWith('In[') ? `cell ${name}` : name;
}

function ofNotebook(cell: Cell): string {
  const panel = notebookOf(cell);
  return panel ? ` of ${fileOf(panel)}` : '';
}

/** The notebook that a cell is in; null if it is in none. */
function notebookOf(cell: Cell): NotebookPanel | null {
  let widget: Widget | null = cell;
  while (widget && !('context' in widget && 'content' in widget)) {
    widget = widget.parent;
  }
  return widget as NotebookPanel | null;
}

function countOf(cell: Cell): number {
  const { execution_count: count } = cell.model.toJSON() as { execution_count?: number | null };
  return count ?? 0;
}

function errorOf(cell: Cell): nbformat.IOutput | null {
  return outputsOf(cell).find(output => output.output_type === 'error') ?? null;
}

/** Leave out the middle, because the start and the end of a text say most. */
function cut(
  text: string,
  most: number,
  left: LeftOut = NOTHING_LEFT_OUT
): Pick<Context, 'text' | 'left'> {
  if (text.length <= most) {
    return { text, left };
  }
  const half = Math.floor(most / 2);
  const [first, last] = [beginningOf(text, half), endOf(text, half)];
  const characters = text.length - first.length - last.length;
  return {
    text: `${first}\n[left out: ${characters} characters]\n${last}`,
    left: { ...left, characters: left.characters + characters }
  };
}
