/**
 * The plugin for `%%chat` cells: they are text, so they are not coloured as Python, and a kernel that
 * does not know the magic is told how to load it.
 */
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import type { Cell, CodeCell } from '@jupyterlab/cells';
import { IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import type * as nbformat from '@jupyterlab/nbformat';
import { INotebookTracker, NotebookActions, type NotebookPanel } from '@jupyterlab/notebook';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import type { Words } from '../translation';
import { sourceOf } from './notebook-text';

/** JupyterLab's name of Markdown with code blocks; that of its Markdown cells has formulas, too. */
const MARKDOWN = 'text/x-markdown';

const CHAT = /^\s*%%chat(?:\s|$)/;
/** What IPython writes to the standard error. */
const UNKNOWN = /^UsageError: (?:Cell magic `%%chat`|Line magic function `%chat`) not found/m;

/** Colour the `%%chat` cells of a notebook as Markdown, also those that become one. */
export function colourChatCells(panel: NotebookPanel, languages: IEditorLanguageRegistry): void {
  const { content } = panel;
  /** What the cells were coloured as before. */
  const before = new WeakMap<Cell, string>();
  const colour = (cell: Cell): void => {
    const { mimeType } = cell.model;
    const isChat = cell.model.type === 'code' && CHAT.test(sourceOf(cell));
    if (isChat && mimeType !== MARKDOWN) {
      before.set(cell, mimeType);
      const apply = (): void => {
        if (!cell.isDisposed && CHAT.test(sourceOf(cell))) {
          cell.model.mimeType = MARKDOWN;
        }
      };
      // A language that the editor is still loading would come after ours, and stay.
      languages.getLanguage(mimeType).then(apply, apply);
    } else if (!isChat && mimeType === MARKDOWN && before.has(cell)) {
      cell.model.mimeType = before.get(cell)!;
    }
  };
  const colourAll = (): void => content.widgets.forEach(colour);
  const colourActive = (): void => {
    if (content.activeCell) {
      colour(content.activeCell);
    }
  };
  const listen = (): void => {
    content.model?.cells.changed.connect(colourAll);
    content.model?.metadataChanged.connect(colourAll);
    content.model?.contentChanged.connect(colourActive);
    colourAll();
  };
  content.modelChanged.connect(listen);
  listen();
}

/** Say in the output of a cell how a magic that the kernel does not know is loaded. */
export function sayHowToLoad(cell: Cell, words: Words): void {
  if (cell.model.type !== 'code') {
    return;
  }
  const { outputs } = (cell as CodeCell).model;
  for (let number = 0; number < outputs.length; number++) {
    const { text } = outputs.get(number).toJSON() as Partial<nbformat.IStream>;
    if (UNKNOWN.test([text].flat().join(''))) {
      const way = words.__(
        'This kernel does not know the chat yet. Run this in a cell, then run this cell again: %1',
        '%load_ext aqueduct_jupyter'
      );
      outputs.add({ output_type: 'stream', name: 'stdout', text: `${way}\n` });
      return;
    }
  }
}

export const magicsPlugin: JupyterFrontEndPlugin<void> = {
  id: 'aqueduct-jupyter:magics',
  description: 'Colours the text of %%chat cells as text, and says how the magic is loaded.',
  autoStart: true,
  requires: [INotebookTracker, IEditorLanguageRegistry],
  optional: [ITranslator],
  activate: (
    _app: JupyterFrontEnd,
    tracker: INotebookTracker,
    languages: IEditorLanguageRegistry,
    translator: ITranslator | null
  ) => {
    const words = (translator ?? nullTranslator).load('aqueduct_jupyter');
    tracker.widgetAdded.connect((_, panel) => colourChatCells(panel, languages));
    tracker.forEach(panel => colourChatCells(panel, languages));
    NotebookActions.executed.connect((_, { cell }) => sayHowToLoad(cell, words));
  }
};
