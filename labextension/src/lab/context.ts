/** The plugin that offers what the user works on: the document in front and its kernel. */
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { INotebookTracker } from '@jupyterlab/notebook';

import { ConversationMentions } from './conversation-mentions';
import { DocumentInFront } from './document-in-front';
import { KernelVariables } from './kernel-variables';
import { CellMentions, FrontMentions } from './notebook-mentions';
import { cellContext, errorContext, hasError, notebookContext } from './notebook-text';
import { IChat } from './tokens';

export const contextPlugin: JupyterFrontEndPlugin<void> = {
  id: 'aqueduct-jupyter:context',
  description:
    'Offers cells, outputs, the selection, the last error, the notebook and variables to the chat.',
  autoStart: true,
  requires: [IChat, INotebookTracker],
  activate: (app: JupyterFrontEnd, chat: IChat, tracker: INotebookTracker) => {
    const { words, model } = chat;
    const front = new DocumentInFront(app.shell, tracker, words);
    chat.addSource({
      label: words.__('Active cell'),
      suggestion: words.__('Explain this cell, step by step'),
      isThere: () => Boolean(front.notebook?.content.activeCell),
      take: () => {
        const cell = front.notebook?.content.activeCell;
        return cell ? cellContext(cell) : null;
      }
    });
    chat.addSource({
      label: words.__('Last error'),
      suggestion: words.__('Explain the last error and how to fix it'),
      isThere: () => front.notebook !== null && hasError(front.notebook),
      take: () => front.notebook && errorContext(front.notebook)
    });
    chat.addSource({
      label: words.__('Whole notebook'),
      suggestion: words.__('Sum up what this notebook does'),
      isThere: () => front.notebook !== null,
      take: () => front.notebook && notebookContext(front.notebook)
    });
    model.offer(new FrontMentions(front, model, words));
    model.offer(new KernelVariables(front, model, words));
    model.offer(new CellMentions(front, model, words));
    model.offer(new ConversationMentions(chat.carrier, model, words));
  }
};
