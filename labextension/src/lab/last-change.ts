/**
 * The last change that the chat made in a notebook, which one undo takes back from anywhere.
 *
 * JupyterLab's own undo acts on the focused editor only, and the focus is in the chat at such a click.
 */
import type { Edit } from './notebook-edits';

/** Edits that were made together, in their order. */
export interface LastEdits {
  edits: readonly Edit[];
  /** Whether the notebook is still as the edits left it. */
  isUntouched: () => boolean;
  /** Whether the user sees the notebook. */
  isVisible: () => boolean;
}

export class LastChange {
  private _change: LastEdits | null = null;
  /** Where in the chat the user has typed since: undo belongs to that text now. */
  private _typedIn: EventTarget | null = null;

  /** Listen for the undo shortcut; returns a function that stops it. */
  listen(page: Window): () => void {
    const onKeyDown = (event: KeyboardEvent): void => {
      if (isUndo(event) && this._typedIn !== event.target && this.takeBack()) {
        event.preventDefault();
        event.stopImmediatePropagation();
      }
    };
    const onInput = ({ target }: Event): void => {
      this._typedIn = target;
      if (!(target instanceof Element && target.closest('.aqueduct-chat'))) {
        // What the user typed into a document is the last change now.
        this._change = null;
      }
    };
    // Before JupyterLab, which handles keys in the document's capture phase.
    page.addEventListener('keydown', onKeyDown, true);
    page.addEventListener('input', onInput, true);
    return () => {
      page.removeEventListener('keydown', onKeyDown, true);
      page.removeEventListener('input', onInput, true);
    };
  }

  /** Remember edits that were made together. */
  remember(change: LastEdits): void {
    this._change = change.edits.length ? change : null;
    this._typedIn = null;
  }

  /** Take the last change back; returns false if there is none that can be, or it is out of sight. */
  takeBack(): boolean {
    const change = this._change;
    if (!change?.isVisible()) {
      return false;
    }
    this._change = null;
    if (!change.isUntouched()) {
      return false;
    }
    [...change.edits].reverse().forEach(edit => edit.takeBack());
    return true;
  }
}

function isUndo(event: KeyboardEvent): boolean {
  const isAccel = event.ctrlKey || event.metaKey;
  return isAccel && !event.shiftKey && !event.altKey && event.key.toLowerCase() === 'z';
}
