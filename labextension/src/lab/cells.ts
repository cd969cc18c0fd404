/**
 * The plugin that puts an answer's code into the notebook when the user asks for it.
 *
 * It serves every chat on the page: the sidebar, and those in a notebook's outputs.
 */
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Dialog, ISessionContextDialogs, showDialog } from '@jupyterlab/apputils';
import type { Cell } from '@jupyterlab/cells';
import { INotebookTracker, NotebookActions, type NotebookPanel } from '@jupyterlab/notebook';

import type { Words } from '../translation';
import { offer, type Cells } from '../view/services';
import { Difference } from './difference';
import { sourceOf } from './notebook-text';
import { IChat } from './tokens';

class NotebookCells implements Cells {
  constructor(
    private readonly _tracker: INotebookTracker,
    private readonly _words: Words,
    private readonly _complain: (error: unknown) => void,
    private readonly _dialogs: ISessionContextDialogs | undefined
  ) {}

  get isThere(): boolean {
    return this._tracker.currentWidget !== null;
  }

  insertBelow(code: string): void {
    const panel = this._panel();
    if (panel) {
      insert(panel, code);
    }
  }

  replaceActive(code: string): void {
    const cell = this._panel()?.content.activeCell;
    if (cell) {
      this._replace(cell, code).catch(this._complain);
    }
  }

  runBelow(code: string): void {
    const panel = this._panel();
    if (panel) {
      insert(panel, code);
      const { content, sessionContext } = panel;
      NotebookActions.run(content, sessionContext, this._dialogs).catch(this._complain);
    }
  }

  private async _replace(cell: Cell, code: string): Promise<void> {
    const before = sourceOf(cell);
    const { button } = await showDialog({
      title: this._words.__('Replace the active cell?'),
      body: new Difference(before, code),
      buttons: [Dialog.cancelButton(), Dialog.okButton({ label: this._words.__('Replace') })]
    });
    if (!button.accept) {
      return;
    }
    if (cell.isDisposed || sourceOf(cell) !== before) {
      this._complain(this._words.__('The cell has changed in the meantime; it was not replaced.'));
      return;
    }
    cell.model.sharedModel.updateSource(0, before.length, code);
  }

  private _panel(): NotebookPanel | null {
    const panel = this._tracker.currentWidget;
    if (!panel) {
      this._complain(this._words.__('Open a notebook first; the code goes into a notebook.'));
    }
    return panel;
  }
}

/** Put text into a new cell below the active one, and make it the active cell. */
export function insert(panel: NotebookPanel, text: string, kind = 'code'): void {
  const { content } = panel;
  NotebookActions.insertBelow(content);
  content.activeCell!.model.sharedModel.setSource(text);
  if (kind === 'markdown') {
    NotebookActions.changeCellType(content, 'markdown');
  }
}

export const cellsPlugin: JupyterFrontEndPlugin<void> = {
  id: 'aqueduct-jupyter:cells',
  description: 'Puts the code of an answer into the notebook: below, in place of a cell, or run.',
  autoStart: true,
  requires: [IChat, INotebookTracker],
  optional: [ISessionContextDialogs],
  activate: (
    _app: JupyterFrontEnd,
    chat: IChat,
    tracker: INotebookTracker,
    dialogs: ISessionContextDialogs | null
  ) => {
    const { words, model } = chat;
    offer({ cells: new NotebookCells(tracker, words, model.complain, dialogs ?? undefined) });
  }
};
