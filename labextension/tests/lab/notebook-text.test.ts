// @vitest-environment node
import type { Cell } from '@jupyterlab/cells';
import type * as nbformat from '@jupyterlab/nbformat';
import type { NotebookPanel } from '@jupyterlab/notebook';
import { expect, test } from 'vitest';

import {
  cellContext,
  errorContext,
  hasError,
  notebookContext,
  outputContext,
  selectionContext
} from '../../src/lab/notebook-text';

const PLOT: nbformat.IOutput = { output_type: 'display_data', data: { 'image/png': 'AAAA' } };
const ERROR: nbformat.IOutput = {
  output_type: 'error',
  ename: '',
  evalue: '',
  traceback: ['boom']
};

/** A notebook as far as it is read here. */
function notebook(...cells: [string, number | null, nbformat.IOutput[]][]): NotebookPanel {
  const panel = { context: { path: 'folder/sales.ipynb' }, content: { widgets: [] as Cell[] } };
  panel.content.widgets = cells.map(([source, execution_count, outputs]) => {
    const model = {
      type: 'code',
      sharedModel: { getSource: () => source },
      toJSON: () => ({ execution_count, outputs })
    };
    return { model, parent: panel } as unknown as Cell;
  });
  return panel as unknown as NotebookPanel;
}

test('what is too long is cut between characters, and says how much of it', () => {
  for (const selected of ['😀'.repeat(20_000), `a${'😀'.repeat(20_000)}`]) {
    const { text, left } = selectionContext(selected);
    expect(text).not.toMatch(/\p{Surrogate}/u);
    const note = Number(/\[left out: (\d+) characters\]/.exec(text)![1]);
    expect(text.replace(/\n\[.*\]\n/, '').length + note).toBe(selected.length);
    expect(left!.characters).toBe(note);
  }
  expect(selectionContext('x', 'a/mod.py')).toMatchObject({
    name: 'selection of mod.py',
    text: 'x'
  });
});

test('a cell is named by its prompt or its place, and by its notebook, and brings its pictures', () => {
  const panel = notebook(['plot()', 2, [PLOT]], ['later()', null, []], ['1/0', 3, [ERROR]]);
  const [plot, later] = panel.content.widgets;
  const context = cellContext(plot!);
  expect(context.name).toBe('cell In[2] of sales.ipynb');
  expect(context.text).toBe('plot()\n\n# Output:\n[attached: In[2] of sales.ipynb, picture.png]');
  expect(context.pictures!.map(({ name }) => name)).toEqual(['In[2] of sales.ipynb, picture.png']);
  expect(outputContext(plot!).text).toBe('[attached: In[2] of sales.ipynb, picture.png]');
  expect(cellContext(later!)).toMatchObject({ name: 'cell 2 of sales.ipynb', text: 'later()' });
  const error = errorContext(panel)!;
  expect([error.name, error.text]).toEqual([
    'error in In[3] of sales.ipynb',
    '1/0\n\n# Error:\nboom'
  ]);
});

test('a whole notebook says which it is, and what of it does not go along', () => {
  const long: nbformat.IOutput = { output_type: 'stream', text: 'x'.repeat(1500) };
  const { name, left } = notebookContext(
    notebook(['a', 1, [PLOT, long]], ['b'.repeat(1e5), 2, []])
  );
  expect(name).toBe('notebook sales.ipynb');
  expect(left!.pictures).toBe(1);
  expect(left!.characters).toBeGreaterThan(76_000);
});

test('an error is found without reading an output', () => {
  const panelOf = (...types: string[]): NotebookPanel => {
    const get = (number: number): object => ({ type: types[number] });
    const widgets = [{ model: {} }, { model: { outputs: { length: types.length, get } } }];
    return { content: { widgets } } as unknown as NotebookPanel;
  };
  expect(hasError(panelOf('stream', 'error'))).toBe(true);
  expect([hasError(panelOf()), hasError(panelOf('stream'))]).toEqual([false, false]);
});
