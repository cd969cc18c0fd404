/** What the chat does in notebooks: insert, replace and run cells, where the user sees it. */
import type { ISessionContextDialogs } from '@jupyterlab/apputils';
import { MarkdownCell } from '@jupyterlab/cells';
import type { ISharedNotebook } from '@jupyter/ydoc';
import { NotebookActions, type NotebookPanel } from '@jupyterlab/notebook';

import { cellSource, type CellSource } from '../model/cell-source';
import type { FrontNotebook } from './front-notebook';
import type { LastChange } from './last-change';
import { indexOf, insertCell, stateOf, type Edit } from './notebook-edits';

/** The class of a cell that has just changed, and for how long it has it, in milliseconds. */
const FLASH = 'aqueduct-flash';
const FLASH_MS = 1600;

export class Notebooks {
  constructor(
    readonly front: FrontNotebook,
    readonly last: LastChange,
    private readonly _dialogs: ISessionContextDialogs | undefined
  ) {}

  /** Put code into a new cell below the active one of the notebook in front. */
  async insertBelow(code: string, language: string): Promise<void> {
    const panel = await this.front.choose();
    if (panel) {
      this.insert(panel, cellSource(code, language, languageOf(panel)));
    }
  }

  /** Put code into a new cell below, and run it. */
  async runBelow(code: string, language: string): Promise<void> {
    const panel = await this.front.choose();
    if (panel) {
      this.insert(panel, cellSource(code, language, languageOf(panel)));
      await NotebookActions.run(panel.content, panel.sessionContext, this._dialogs);
    }
  }

  /** Put a cell below the active one, and make it the active one. */
  insert(panel: NotebookPanel, cell: CellSource): void {
    const notebook = sharedOf(panel);
    const edit = insertCell(notebook, panel.content.activeCellIndex + 1, cell);
    this.made(panel, [edit]);
    const { activeCell } = panel.content;
    if (activeCell instanceof MarkdownCell) {
      activeCell.rendered = true;
    }
  }

  /** Remember edits as one change, and show the first of its cells. */
  made(panel: NotebookPanel, edits: readonly Edit[]): void {
    const notebook = sharedOf(panel);
    const after = stateOf(notebook);
    this.last.remember({
      edits,
      isUntouched: () => !panel.isDisposed && stateOf(notebook) === after,
      isVisible: () => panel.isVisible
    });
    const shown = edits.find(({ cell }) => cell !== null)?.cell;
    if (shown) {
      show(panel, shown, edits);
    }
  }
}

/** The language that the notebook's kernel runs, in lower case; '' if it is not known. */
export function languageOf(panel: NotebookPanel): string {
  return (panel.content.model?.defaultKernelLanguage ?? '').toLowerCase();
}

export function sharedOf(panel: NotebookPanel): ISharedNotebook {
  return panel.content.model!.sharedModel;
}

/** Make a cell the active one, bring it into view, and let all that changed flash. */
function show(panel: NotebookPanel, id: string, edits: readonly Edit[]): void {
  const { content } = panel;
  const notebook = sharedOf(panel);
  content.activeCellIndex = indexOf(notebook, id);
  content.deselectAll();
  // A cell that is not drawn yet cannot be measured; the notebook then scrolls when it can.
  content.scrollToCell(content.activeCell!, 'smart').catch(() => undefined);
  for (const { cell } of edits) {
    const widget = cell === null ? undefined : content.widgets[indexOf(notebook, cell)];
    widget?.addClass(FLASH);
    window.setTimeout(() => widget?.removeClass(FLASH), FLASH_MS);
  }
}
