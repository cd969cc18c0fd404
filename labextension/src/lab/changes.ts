/** The plugin that lets an answer propose changes of a notebook's cells, and shows them there. */
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { INotebookTracker, type NotebookPanel } from '@jupyterlab/notebook';

import { changesIn, toldIn, type Change } from '../model/changes';
import type { Turn } from '../protocol-types';
import { offer, type Proposals } from '../view/services';
import { changesContext } from './change-context';
import { ChangeReview } from './change-review';
import { indexOf } from './notebook-edits';
import { sharedOf, type Notebooks } from './notebooks';
import { IChat, INotebooks } from './tokens';

class NotebookProposals implements Proposals {
  /** The sources that the models know of, by the cells' ids. */
  private readonly _sources = new Map<string, string>();
  /** What was taken over from the turns: what has been accepted since is newer. */
  private readonly _told = new Set<string>();
  private _review: ChangeReview | null = null;

  constructor(
    private readonly _chat: IChat,
    private readonly _tracker: INotebookTracker,
    private readonly _notebooks: Notebooks
  ) {}

  review(turn: Turn): void {
    const changes = changesIn(turn.answer);
    const panel = this._notebookOf(changes);
    if (!panel) {
      const { words, model } = this._chat;
      model.complain(
        words.__('None of the open notebooks has these cells; open it and try again.')
      );
      return;
    }
    this._notebooks.front.show(panel);
    this._open(panel, changes);
  }

  /** Show at once what an answer proposes for the notebook on the screen. */
  readonly ended = (turn: Turn): void => {
    const changes = turn.state === 'whole' ? changesIn(turn.answer) : [];
    const panel = changes.length ? this._notebookOf(changes) : null;
    if (panel?.isVisible) {
      this._open(panel, changes);
    }
  };

  private _open(panel: NotebookPanel, changes: readonly Change[]): void {
    this._review?.close();
    const { words } = this._chat;
    this._review = new ChangeReview(panel, changes, this._known(), this._notebooks, words);
  }

  /** What the models were last told of each cell, and what was accepted since. */
  private _known(): Map<string, string> {
    for (const { content } of this._chat.model.turns) {
      for (const part of typeof content === 'string' ? [] : content) {
        const told = part.type === 'text' ? toldIn(part.text) : [];
        for (const [id, source] of told) {
          const key = `${id}\n${source}`;
          if (!this._told.has(key)) {
            this._told.add(key);
            this._sources.set(id, source);
          }
        }
      }
    }
    return this._sources;
  }

  /** The open notebook that has the most of the cells. */
  private _notebookOf(changes: readonly Change[]): NotebookPanel | null {
    const ids = changes.map(change => ('cell' in change ? change.cell : change.after));
    const isIn = (panel: NotebookPanel): number =>
      panel.content.model ? ids.filter(id => indexOf(sharedOf(panel), id) >= 0).length : 0;
    const [best] = this._tracker
      .filter(panel => isIn(panel) > 0)
      .sort((one, other) => isIn(other) - isIn(one));
    return best ?? null;
  }
}

export const changesPlugin: JupyterFrontEndPlugin<void> = {
  id: 'aqueduct-jupyter:changes',
  description: 'Lets an answer propose changes of the cells, and shows them in the notebook.',
  autoStart: true,
  requires: [IChat, INotebooks, INotebookTracker],
  activate: (
    _app: JupyterFrontEnd,
    chat: IChat,
    notebooks: Notebooks,
    tracker: INotebookTracker
  ) => {
    const proposals = new NotebookProposals(chat, tracker, notebooks);
    offer({ proposals });
    chat.model.ended.connect(proposals.ended);
    chat.addSource({
      label: chat.words.__('Notebook to change'),
      take: () => notebooks.front.visible && changesContext(notebooks.front.visible)
    });
  }
};
