/** What the user looks at: the document in front, its selection and its kernel. */
import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { CodeEditor } from '@jupyterlab/codeeditor';
import type { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import type { Kernel } from '@jupyterlab/services';
import type { Widget } from '@lumino/widgets';

import { FrontNotebook } from './front-notebook';
import type { Words } from '../translation';

/** What documents have in common here: notebooks, file editors, consoles and others. */
interface DocumentParts {
  content?: { editor?: unknown; activeCell?: { editor?: unknown } | null };
  console?: { promptCell?: { editor?: unknown } | null };
  context?: { path?: unknown };
  sessionContext?: { session?: { kernel?: Kernel.IKernelConnection | null } | null };
}

export interface Selected {
  text: string;
  /** The path or title of its document. */
  path: string;
}

export class DocumentInFront {
  private readonly _notebooks: FrontNotebook;
  /** The text last selected outside of editors: in previews, outputs and logs. */
  private _marked: { text: string; widget: Widget } | null = null;

  constructor(
    private readonly _shell: JupyterFrontEnd.IShell,
    tracker: INotebookTracker,
    words: Words
  ) {
    this._notebooks = new FrontNotebook(_shell, tracker, words);
    // A click into the chat takes the page's selection away.
    document.addEventListener('selectionchange', () => this._mark());
  }

  /** The notebook that the user sees. */
  get notebook(): NotebookPanel | null {
    return this._notebooks.visible;
  }

  /** The selected text; null if nothing is selected. */
  get selected(): Selected | null {
    const widget = this._shell.currentWidget;
    if (!widget) {
      return null;
    }
    const { content, console: prompt, context } = widget as DocumentParts;
    const editors = [content?.activeCell?.editor, content?.editor, prompt?.promptCell?.editor];
    const marked = this._marked?.widget === widget ? this._marked.text : '';
    const text = editors.filter(isEditor).map(selectionOf).find(Boolean) ?? marked;
    const path = typeof context?.path === 'string' ? context.path : widget.title.label;
    return text ? { text, path } : null;
  }

  /** The kernel of the document in front, or of the notebook that is seen; null if there is none. */
  get kernel(): { connection: Kernel.IKernelConnection; path: string } | null {
    for (const widget of [this._shell.currentWidget, this.notebook]) {
      const { sessionContext, context } = (widget ?? {}) as DocumentParts;
      const connection = sessionContext?.session?.kernel;
      if (connection) {
        const path = typeof context?.path === 'string' ? context.path : widget!.title.label;
        return { connection, path };
      }
    }
    return null;
  }

  private _mark(): void {
    const widget = this._shell.currentWidget;
    const selection = document.getSelection();
    const text = selection?.toString() ?? '';
    const anchor = selection?.anchorNode ?? null;
    if (widget?.node.contains(anchor)) {
      this._marked = text.trim() ? { text, widget } : null;
    }
  }
}

function isEditor(value: unknown): value is CodeEditor.IEditor {
  return typeof value === 'object' && value !== null && 'getSelection' in value && 'model' in value;
}

function selectionOf(editor: CodeEditor.IEditor): string {
  const { start, end } = editor.getSelection();
  const [from, to] = [editor.getOffsetAt(start), editor.getOffsetAt(end)].sort((a, b) => a - b);
  return editor.model.sharedModel.getSource().slice(from, to);
}
