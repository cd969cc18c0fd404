/**
 * The plugin that puts an answer's code into the notebook when the user asks for it.
 *
 * It serves every chat on the page: the sidebar, and those in a notebook's outputs.
 */
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Dialog, ISessionContextDialogs, showDialog } from '@jupyterlab/apputils';
import { INotebookTracker } from '@jupyterlab/notebook';

import { cellSource } from '../model/cell-source';
import type { Words } from '../translation';
import { offer, type Cells } from '../view/services';
import { Difference } from './difference';
import { FrontNotebook } from './front-notebook';
import { LastChange } from './last-change';
import { find, replaceCell } from './notebook-edits';
import { fileOf, nameOf, sourceOf } from './notebook-text';
import { languageOf, Notebooks, sharedOf } from './notebooks';
import { IChat, INotebooks } from './tokens';

class NotebookCells implements Cells {
  constructor(
    private readonly _notebooks: Notebooks,
    private readonly _words: Words,
    private readonly _complain: (error: unknown) => void
  ) {}

  get isThere(): boolean {
    return this._notebooks.front.isOpen;
  }

  canRun(language: string): boolean {
    const panel = this._notebooks.front.visible;
    return cellSource('', language, panel ? languageOf(panel) : '').canRun;
  }

  insertBelow(code: string, language: string): void {
    this._notebooks.insertBelow(code, language).catch(this._complain);
  }

  replaceActive(code: string, language: string): void {
    this._replace(code, language).catch(this._complain);
  }

  runBelow(code: string, language: string): void {
    this._notebooks.runBelow(code, language).catch(this._complain);
  }

  private async _replace(code: string, language: string): Promise<void> {
    const panel = await this._notebooks.front.choose();
    const cell = panel?.content.activeCell;
    if (!panel || !cell) {
      return;
    }
    const before = sourceOf(cell);
    const after = cellSource(code, language, languageOf(panel));
    const { button } = await showDialog({
      title: this._words.__('Replace %1 of %2?', nameOf(cell), fileOf(panel)),
      body: new Difference(before, after.source),
      buttons: [Dialog.cancelButton(), Dialog.okButton({ label: this._words.__('Replace') })]
    });
    if (!button.accept) {
      return;
    }
    const id = cell.model.sharedModel.getId();
    if (panel.isDisposed || find(sharedOf(panel), id)?.getSource() !== before) {
      this._complain(this._words.__('The cell has changed in the meantime; it was not replaced.'));
      return;
    }
    this._notebooks.made(panel, [replaceCell(sharedOf(panel), id, after)]);
  }
}

/** The plugin that changes notebooks for the other plugins. */
export const notebooksPlugin: JupyterFrontEndPlugin<Notebooks> = {
  id: 'aqueduct-jupyter:notebooks',
  description: 'Changes the notebook in front for the other parts of the chat, and takes it back.',
  autoStart: true,
  provides: INotebooks,
  requires: [IChat, INotebookTracker],
  optional: [ISessionContextDialogs],
  activate: (
    app: JupyterFrontEnd,
    { words }: IChat,
    tracker: INotebookTracker,
    dialogs: ISessionContextDialogs | null
  ): Notebooks => {
    const last = new LastChange();
    last.listen(window);
    const front = new FrontNotebook(app.shell, tracker, words);
    return new Notebooks(front, last, dialogs ?? undefined);
  }
};

export const cellsPlugin: JupyterFrontEndPlugin<void> = {
  id: 'aqueduct-jupyter:cells',
  description: 'Puts the code of an answer into the notebook: below, in place of a cell, or run.',
  autoStart: true,
  requires: [IChat, INotebooks],
  activate: (_app: JupyterFrontEnd, chat: IChat, notebooks: Notebooks) => {
    const { words, model } = chat;
    offer({ cells: new NotebookCells(notebooks, words, model.complain) });
  }
};
