import { YNotebook } from '@jupyter/ydoc';
import type { JupyterFrontEnd } from '@jupyterlab/application';
import { InputDialog, showDialog } from '@jupyterlab/apputils';
import { NotebookActions } from '@jupyterlab/notebook';
import { beforeEach, expect, test, vi } from 'vitest';

import type { Carrier } from '../../src/carriers/carrier';
import { cellsPlugin, notebooksPlugin } from '../../src/lab/cells';
import { ChatModel } from '../../src/model/chat';
import { ENGLISH } from '../../src/translation';
import { pageServices, type Cells } from '../../src/view/services';
import { settled } from '../jupyter-server';

vi.mock('@jupyterlab/apputils', () => ({
  Dialog: { cancelButton: () => ({}), okButton: () => ({}) },
  InputDialog: { getItem: vi.fn() },
  ISessionContextDialogs: {},
  showDialog: vi.fn()
}));
vi.mock('@jupyterlab/cells', () => ({ MarkdownCell: Map }));
vi.mock('@jupyterlab/notebook', () => ({
  INotebookTracker: {},
  NotebookActions: { run: vi.fn() }
}));

/** A notebook panel with one cell; only what the plugins use. */
function notebookPanel(path: string, isVisible: boolean) {
  const sharedModel = new YNotebook();
  sharedModel.insertCell(0, { cell_type: 'code', source: 'print(1)', metadata: {} });
  const activeCell = {
    isDisposed: false,
    model: { type: 'code', sharedModel: sharedModel.getCell(0), toJSON: () => ({}) }
  };
  const content = {
    activeCell,
    activeCellIndex: 0,
    widgets: [],
    model: { sharedModel, defaultKernelLanguage: 'python' },
    deselectAll: () => undefined,
    scrollToCell: () => Promise.resolve()
  };
  return { id: path, isVisible, isDisposed: false, context: { path }, content, sessionContext: {} };
}

type Panel = ReturnType<typeof notebookPanel>;

let model: ChatModel;
let cells: Cells;
let panels: Panel[];
let front: unknown;
const activateById = vi.fn();

beforeEach(async () => {
  vi.resetAllMocks();
  // Yjs warns about each cell that is made outside of a document, as JupyterLab itself does.
  vi.spyOn(console, 'warn').mockImplementation(() => undefined);
  vi.spyOn(console, 'error').mockImplementation(() => undefined);
  panels = [notebookPanel('work.ipynb', true)];
  front = panels[0];
  const shell = {
    get currentWidget() {
      return front;
    },
    activateById
  };
  const tracker = {
    get currentWidget() {
      return panels[0] ?? null;
    },
    filter: (isWanted: (panel: Panel) => boolean) => panels.filter(isWanted)
  };
  model = new ChatModel({ connect: () => undefined } as unknown as Carrier);
  const chat = { model, words: ENGLISH };
  const app = { shell } as unknown as JupyterFrontEnd;
  const notebooks = await notebooksPlugin.activate(app, chat, tracker, null);
  await cellsPlugin.activate(app, chat, notebooks);
  cells = pageServices().cells!;
});

const sources = (panel: Panel): string[] =>
  panel.content.model.sharedModel.cells.map(cell => cell.getSource());

test('a dialog that fails is said in a sentence', async () => {
  vi.mocked(showDialog).mockRejectedValue(new Error('No dialog.'));
  cells.replaceActive('print(2)', '');
  await settled();
  expect(model.trouble).toBe('No dialog.');
});

test('a cell that cannot be run is said in a sentence', async () => {
  vi.mocked(NotebookActions.run).mockRejectedValue(new Error('No kernel.'));
  cells.runBelow('print(2)', '');
  await settled();
  expect(model.trouble).toBe('No kernel.');
});

test('the dialog names the cell, and a cell edited meanwhile stays', async () => {
  const cell = panels[0]!.content.model.sharedModel.getCell(0);
  vi.mocked(showDialog).mockImplementation(({ title }: { title?: unknown } = {}) => {
    expect(title).toBe('Replace In[ ] of work.ipynb?');
    cell.setSource('my own');
    return Promise.resolve({ button: { accept: true } } as never);
  });
  cells.replaceActive('print(2)', '');
  await settled();
  expect(sources(panels[0]!)).toEqual(['my own']);
  expect(model.trouble).toContain('it was not replaced');
});

test('with an editor in front of the notebook, the user is asked into which', async () => {
  panels = [notebookPanel('one.ipynb', false), notebookPanel('two.ipynb', false)];
  front = {};
  vi.mocked(InputDialog.getItem).mockResolvedValue({ value: 'two.ipynb' } as never);
  cells.insertBelow('x = 1', 'python');
  await settled();
  expect(panels.map(sources)).toEqual([['print(1)'], ['print(1)', 'x = 1']]);
  expect(activateById).toHaveBeenCalledWith('two.ipynb');
});

test('nothing is inserted, run or shown if that question is cancelled', async () => {
  panels = [notebookPanel('one.ipynb', false)];
  front = {};
  vi.mocked(InputDialog.getItem).mockResolvedValue({ value: null } as never);
  cells.runBelow('x = 1', 'python');
  await settled();
  expect(sources(panels[0]!)).toEqual(['print(1)']);
  expect(NotebookActions.run).not.toHaveBeenCalled();
});

test('a notebook on the screen beside the editor in front is the one', async () => {
  panels = [notebookPanel('one.ipynb', false), notebookPanel('two.ipynb', true)];
  front = {};
  cells.insertBelow('x = 1', 'python');
  await settled();
  expect(panels.map(sources)).toEqual([['print(1)'], ['print(1)', 'x = 1']]);
});

test('what the kernel cannot run has no run button', () => {
  expect(cells.canRun('bash')).toBe(true);
  expect(cells.canRun('json')).toBe(false);
});
