/**
 * The text that a model sees of a notebook: a cell, its error, or the whole notebook.
 *
 * The plugins choose the notebook and the moment. Long text is cut, with a note.
 */
import type { Cell } from '@jupyterlab/cells';
import { PathExt } from '@jupyterlab/coreutils';
import type * as nbformat from '@jupyterlab/nbformat';
import type { NotebookPanel } from '@jupyterlab/notebook';

import { beginningOf, endOf, plainText } from '../model/plain-text';
import type { Context } from '../protocol-types';

/** Longest context in characters: about 8,000 tokens. */
const MOST_CHARACTERS = 24_000;

/** Longest output within a whole notebook, in characters. */
const MOST_OF_OUTPUT = 1_000;

// eslint-disable-next-line no-control-regex -- the escapes of a terminal begin with a control
const ANSI = /\x1b\[[0-9;]*[A-Za-z]/g;

/** The active cell with its outputs. */
export function cellContext(cell: Cell): Context {
  const outputs = outputsOf(cell).map(textOf).filter(Boolean);
  const text = outputs.length
    ? `${sourceOf(cell)}\n\n# Output:\n${outputs.join('\n')}`
    : sourceOf(cell);
  return { name: `cell ${nameOf(cell)}`, text: cut(text, MOST_CHARACTERS) };
}

/** The selected text in a cell's editor. */
export function selectionContext(selected: string): Context {
  return { name: 'selection', text: cut(selected, MOST_CHARACTERS) };
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
  const text = `${sourceOf(cell)}\n\n# Error:\n${textOf(error)}`;
  return { name: `error in ${nameOf(cell)}`, text: cut(text, MOST_CHARACTERS) };
}

/** All cells; long outputs are cut. */
export function notebookContext(panel: NotebookPanel): Context {
  const cells = panel.content.widgets.map(cell => {
    const outputs = outputsOf(cell).map(output => cut(textOf(output), MOST_OF_OUTPUT));
    const shown = outputs.filter(Boolean).map(text => `# Output:\n${text}`);
    return [`[${nameOf(cell)}]`, sourceOf(cell), ...shown].join('\n');
  });
  return { name: 'notebook', text: cut(cells.join('\n\n'), MOST_CHARACTERS) };
}

/** The filename of a notebook. */
export function fileOf(panel: NotebookPanel): string {
  return plainText(PathExt.basename(panel.context.path));
}

/** A cell's outputs as text; long ones are cut. */
export function outputText(cell: Cell): string {
  const outputs = outputsOf(cell).map(textOf).filter(Boolean);
  return cut(outputs.join('\n'), MOST_OF_OUTPUT);
}

export function sourceOf(cell: Cell): string {
  return cell.model.sharedModel.getSource();
}

/** What a cell is called: its prompt, or its kind. */
export function nameOf(cell: Cell): string {
  return cell.model.type === 'code' ? `In[${countOf(cell) || ' '}]` : cell.model.type;
}

function countOf(cell: Cell): number {
  const { execution_count: count } = cell.model.toJSON() as { execution_count?: number | null };
  return count ?? 0;
}

function outputsOf(cell: Cell): nbformat.IOutput[] {
  const { outputs } = cell.model.toJSON() as { outputs?: nbformat.IOutput[] };
  return outputs ?? [];
}

function errorOf(cell: Cell): nbformat.IOutput | null {
  return outputsOf(cell).find(output => output.output_type === 'error') ?? null;
}

function textOf(output: nbformat.IOutput): string {
  if (output.output_type === 'error') {
    return ((output.traceback as string[] | undefined) ?? []).join('\n').replace(ANSI, '');
  }
  if (output.output_type === 'stream') {
    return joined(output.text as nbformat.MultilineString).replace(ANSI, '');
  }
  const data = (output.data ?? {}) as Record<string, nbformat.MultilineString>;
  return joined(data['text/plain'] ?? '');
}

function joined(text: nbformat.MultilineString): string {
  return Array.isArray(text) ? text.join('') : text;
}

/** Leave out the middle, because the start and the end of a text say most. */
function cut(text: string, most: number): string {
  if (text.length <= most) {
    return text;
  }
  const half = Math.floor(most / 2);
  const [first, last] = [beginningOf(text, half), endOf(text, half)];
  const left = text.length - first.length - last.length;
  return `${first}\n[left out: ${left} characters]\n${last}`;
}
