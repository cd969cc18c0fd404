/** The list of JupyterLab plugins; each can be disabled by its own name. */
import { cellsPlugin, notebooksPlugin } from './cells';
import { changesPlugin } from './changes';
import { chatPlugin } from './chat';
import { commandsPlugin } from './commands';
import { contextPlugin } from './context';
import { magicsPlugin } from './magics';
import { nextCellsPlugin } from './next-cells';
import { factsPlugin } from './notebook-facts';
import { promptsPlugin } from './prompts';
import { filesPlugin } from './server-files';
import { statusPlugin } from './status';
import { transcriptsPlugin } from './transcripts';

export default [
  chatPlugin,
  contextPlugin,
  filesPlugin,
  factsPlugin,
  promptsPlugin,
  notebooksPlugin,
  cellsPlugin,
  changesPlugin,
  nextCellsPlugin,
  magicsPlugin,
  commandsPlugin,
  statusPlugin,
  transcriptsPlugin
];
