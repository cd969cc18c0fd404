/** Which notebook an act is meant for: the one that the user sees, or the one that they name. */
import type { JupyterFrontEnd } from '@jupyterlab/application';
import { InputDialog } from '@jupyterlab/apputils';
import type { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';

import { plainText } from '../model/plain-text';
import type { Words } from '../translation';

export class FrontNotebook {
  constructor(
    private readonly _shell: JupyterFrontEnd.IShell,
    private readonly _tracker: INotebookTracker,
    private readonly _words: Words
  ) {}

  /** Whether a notebook is open, visible or not. */
  get isOpen(): boolean {
    return this._tracker.currentWidget !== null;
  }

  /** The notebook in front; if something else is in front, the only other notebook on the screen. */
  get visible(): NotebookPanel | null {
    const front = this._shell.currentWidget;
    const notebooks = this._notebooks();
    const active = notebooks.find(panel => panel === front);
    const seen = notebooks.filter(panel => panel.isVisible);
    return active ?? (seen.length === 1 ? seen[0]! : null);
  }

  /**
   * Return the visible notebook, or ask the user for one and bring it to the front.
   *
   * @returns null if the user cancels
   * @throws Error if no notebook is open
   */
  async choose(): Promise<NotebookPanel | null> {
    return this.visible ?? (await this._ask());
  }

  /** Bring a notebook to the front. */
  show(panel: NotebookPanel): void {
    if (!panel.isVisible) {
      this._shell.activateById(panel.id);
    }
  }

  private async _ask(): Promise<NotebookPanel | null> {
    const notebooks = this._notebooks();
    if (!notebooks.length) {
      throw new Error(this._words.__('Open a notebook first; the code goes into a notebook.'));
    }
    const paths = notebooks.map(panel => plainText(panel.context.path));
    const { value } = await InputDialog.getItem({
      title: this._words.__('Into which notebook?'),
      items: paths,
      okLabel: this._words.__('Choose')
    });
    const chosen = value === null ? undefined : notebooks[paths.indexOf(value)];
    if (!chosen || chosen.isDisposed) {
      return null;
    }
    this.show(chosen);
    return chosen;
  }

  private _notebooks(): NotebookPanel[] {
    return this._tracker.filter(() => true);
  }
}
