/** The plugin that offers the notebook's content for attaching. */
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { INotebookTracker } from '@jupyterlab/notebook';

import { cellContext, errorContext, notebookContext, selectionContext } from './notebook-text';
import { IChat } from './tokens';

export const contextPlugin: JupyterFrontEndPlugin<void> = {
  id: 'aqueduct-jupyter:context',
  description:
    'Offers the active cell, the selection, the last error and the notebook to the chat.',
  autoStart: true,
  requires: [IChat, INotebookTracker],
  activate: (_app: JupyterFrontEnd, chat: IChat, tracker: INotebookTracker) => {
    const { words } = chat;
    chat.addSource({
      label: words.__('Active cell'),
      suggestion: words.__('Explain this cell, step by step'),
      take: () => tracker.activeCell && cellContext(tracker.activeCell)
    });
    chat.addSource({
      label: words.__('Selection'),
      take: () => {
        const selected = selectedText(tracker);
        return selected ? selectionContext(selected) : null;
      }
    });
    chat.addSource({
      label: words.__('Last error'),
      suggestion: words.__('Explain the last error and how to fix it'),
      take: () => tracker.currentWidget && errorContext(tracker.currentWidget)
    });
    chat.addSource({
      label: words.__('Whole notebook'),
      suggestion: words.__('Sum up what this notebook does'),
      take: () => tracker.currentWidget && notebookContext(tracker.currentWidget)
    });
  }
};

function selectedText(tracker: INotebookTracker): string {
  const editor = tracker.activeCell?.editor;
  if (!editor) {
    return '';
  }
  const { start, end } = editor.getSelection();
  const [from, to] = [editor.getOffsetAt(start), editor.getOffsetAt(end)].sort((a, b) => a - b);
  return editor.model.sharedModel.getSource().slice(from, to);
}
