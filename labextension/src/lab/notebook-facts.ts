/** The plugin that tells the model about the notebook on the screen. */
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { INotebookTracker } from '@jupyterlab/notebook';

import { notebookFacts } from '../model/notebook-facts';
import { FrontNotebook } from './front-notebook';
import { IChat } from './tokens';

export const factsPlugin: JupyterFrontEndPlugin<void> = {
  id: 'aqueduct-jupyter:facts',
  description: 'Tells the model about the notebook that the user sees.',
  autoStart: true,
  requires: [IChat, INotebookTracker],
  activate: (app: JupyterFrontEnd, chat: IChat, tracker: INotebookTracker): void => {
    const notebooks = new FrontNotebook(app.shell, tracker, chat.words);
    chat.carrier.facts = () => {
      const { visible } = notebooks;
      return (
        visible &&
        notebookFacts({
          path: visible.context.path,
          kernel: visible.sessionContext.kernelDisplayName,
          language: visible.content.model?.defaultKernelLanguage
        })
      );
    };
  }
};
