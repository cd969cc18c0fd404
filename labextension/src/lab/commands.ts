/** The plugin of the commands on cells: in the palette, the menu and a cell's toolbar. */
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import type { Cell } from '@jupyterlab/cells';
import { INotebookTracker, NotebookActions, type NotebookPanel } from '@jupyterlab/notebook';
import { LabIcon } from '@jupyterlab/ui-components';

import type { Context } from '../protocol-types';
import { changeContext, changesContext } from './change-context';
import { chatIcon } from './chat';
import { cellContext, errorOfCell } from './notebook-text';
import type { Notebooks } from './notebooks';
import { COMMANDS, IChat, INotebooks } from './tokens';

const explainIcon = new LabIcon({
  name: 'aqueduct-jupyter:explain',
  svgstr:
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" width="16"><path class="jp-icon3" ' +
    'fill="#616161" d="M12 2a7 7 0 0 0-4 12.7V17h8v-2.3A7 7 0 0 0 12 2zM9 18.5h6V20H9zm1 2.5h4v1h-4z"/></svg>'
});

export const commandsPlugin: JupyterFrontEndPlugin<void> = {
  id: 'aqueduct-jupyter:commands',
  description: 'Commands on cells: ask about a cell, explain its error, improve or document it.',
  autoStart: true,
  requires: [IChat, INotebooks, INotebookTracker],
  optional: [ICommandPalette],
  activate: (
    app: JupyterFrontEnd,
    chat: IChat,
    notebooks: Notebooks,
    tracker: INotebookTracker,
    palette: ICommandPalette | null
  ) => {
    const { words } = chat;
    const panel = (): NotebookPanel | null => notebooks.front.visible;
    const cell = (): Cell | null => panel()?.content.activeCell ?? null;
    const hasCell = (): boolean => cell() !== null;
    const asks = (label: string, prompt: string): object => ({
      label,
      isEnabled: hasCell,
      execute: () => chat.ask(prompt, [changeContext(panel()!, cell()!)])
    });
    const error = (): Context | null => (hasCell() ? errorOfCell(cell()!) : null);

    app.commands.addCommand(COMMANDS.ask, {
      label: words.__('Ask about this cell'),
      icon: chatIcon,
      isEnabled: hasCell,
      execute: () => {
        chat.model.draft.add(cellContext(cell()!));
        chat.reveal();
      }
    });
    app.commands.addCommand(COMMANDS.explain, {
      label: words.__('Explain this error'),
      icon: explainIcon,
      isEnabled: () => error() !== null,
      execute: () => chat.ask(words.__('Explain this error and how to fix it.'), [error()!])
    });
    app.commands.addCommand(
      COMMANDS.improve,
      asks(
        words.__('Improve this cell'),
        words.__('Improve this code, and say in one sentence what you changed.')
      ) as never
    );
    app.commands.addCommand(
      COMMANDS.document,
      asks(
        words.__('Document this cell'),
        words.__('Add docstrings and comments to this code; change nothing else.')
      ) as never
    );
    app.commands.addCommand(COMMANDS.insert, {
      label: words.__('Insert the answer below'),
      isEnabled: () => hasCell() && lastAnswer(chat) !== '',
      execute: () =>
        notebooks.insert(panel()!, { kind: 'markdown', source: lastAnswer(chat), canRun: false })
    });
    app.commands.addCommand(COMMANDS.propose, {
      label: words.__('Propose changes to this notebook…'),
      isEnabled: hasCell,
      execute: () => {
        chat.model.draft.add(changesContext(panel()!));
        chat.reveal();
      }
    });

    const all = [
      COMMANDS.ask,
      COMMANDS.explain,
      COMMANDS.improve,
      COMMANDS.document,
      COMMANDS.insert,
      COMMANDS.propose
    ];
    const refresh = (): void => all.forEach(command => app.commands.notifyCommandChanged(command));
    tracker.activeCellChanged.connect(refresh);
    tracker.currentChanged.connect(refresh);
    NotebookActions.executed.connect(refresh);
    chat.model.ended.connect(refresh);
    for (const command of all) {
      palette?.addItem({ command, category: words.__('Chat') });
    }
  }
};

function lastAnswer(chat: IChat): string {
  const { turns } = chat.model;
  return turns[turns.length - 1]?.answer ?? '';
}
