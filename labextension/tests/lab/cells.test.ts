import type { JupyterFrontEnd } from '@jupyterlab/application';
import { showDialog } from '@jupyterlab/apputils';
import { NotebookActions } from '@jupyterlab/notebook';
import { beforeEach, expect, test, vi } from 'vitest';

import type { Carrier } from '../../src/carriers/carrier';
import { cellsPlugin } from '../../src/lab/cells';
import { ChatModel } from '../../src/model/chat';
import { ENGLISH } from '../../src/translation';
import { pageServices, type Cells } from '../../src/view/services';
import { settled } from '../jupyter-server';

vi.mock('@jupyterlab/apputils', () => ({
  Dialog: { cancelButton: () => ({}), okButton: () => ({}) },
  ISessionContextDialogs: {},
  showDialog: vi.fn()
}));
vi.mock('@jupyterlab/notebook', () => ({
  INotebookTracker: {},
  NotebookActions: { insertBelow: vi.fn(), run: vi.fn() }
}));

let model: ChatModel;
let cells: Cells;

beforeEach(async () => {
  const sharedModel = { getSource: () => 'print(1)', setSource: () => undefined };
  const activeCell = { isDisposed: false, model: { sharedModel } };
  const tracker = { currentWidget: { content: { activeCell }, sessionContext: {} } };
  model = new ChatModel({ connect: () => undefined } as unknown as Carrier);
  const chat = { model, words: ENGLISH };
  await cellsPlugin.activate({} as JupyterFrontEnd, chat, tracker, null);
  cells = pageServices().cells!;
});

test('a dialog that fails is said in a sentence', async () => {
  vi.mocked(showDialog).mockRejectedValue(new Error('No dialog.'));
  cells.replaceActive('print(2)');
  await settled();
  expect(model.trouble).toBe('No dialog.');
});

test('a cell that cannot be run is said in a sentence', async () => {
  vi.mocked(NotebookActions.run).mockRejectedValue(new Error('No kernel.'));
  cells.runBelow('print(2)');
  await settled();
  expect(model.trouble).toBe('No kernel.');
});
