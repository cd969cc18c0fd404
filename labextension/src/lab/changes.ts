/** The plugin that lets an answer propose changes of a notebook's cells, and shows them there. */
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { INotebookTracker, type NotebookPanel } from '@jupyterlab/notebook';

import { changesIn, START, toldIn, type Change } from '../model/changes';
import type { Turn } from '../protocol-types';
import { offer, type Proposals } from '../view/services';
import { changesContext } from './change-context';
import { ChangeReview } from './change-review';
import { indexOf } from './notebook-edits';
import { sharedOf, type Notebooks } from './notebooks';
import { IChat, INotebooks } from './tokens';

class NotebookProposals implements Proposals {
  /** What was accepted in this page, by the cells' ids: the models know of it, too. */
  private readonly _accepted = new Map<string, Set<string>>();
  private _review: ChangeReview | null = null;

  constructor(
    private readonly _chat: IChat,
    private readonly _tracker: INotebookTracker,
    private readonly _notebooks: Notebooks
  ) {}

  review(turn: Turn): void {
    const changes = changesIn(turn.answer);
    const told = this._toldBefore(turn);
    const panel = this._notebookOf(changes, told);
    if (!panel) {
      const { words, model } = this._chat;
      model.complain(
        words.__('None of the open notebooks has these cells; open it and try again.')
      );
      return;
    }
    this._notebooks.front.show(panel);
    this._open(panel, changes, told);
  }

  /** Show at once what an answer proposes for the notebook on the screen. */
  readonly ended = (turn: Turn): void => {
    const changes = turn.state === 'whole' ? changesIn(turn.answer) : [];
    const told = changes.length ? this._toldBefore(turn) : new Map<string, string>();
    const panel = changes.length ? this._notebookOf(changes, told) : null;
    if (panel?.isVisible) {
      this._open(panel, changes, told);
    }
  };

  private _open(
    panel: NotebookPanel,
    changes: readonly Change[],
    told: ReadonlyMap<string, string>
  ): void {
    this._review?.close();
    const { words, model } = this._chat;
    const known = {
      has: (id: string, source: string) =>
        told.get(id) === source || this._accepted.get(id)?.has(source) === true,
      add: (id: string, source: string) => {
        this._accepted.set(id, (this._accepted.get(id) ?? new Set()).add(source));
      }
    };
    const options = { known, words, complain: model.complain };
    this._review = new ChangeReview(panel, changes, this._notebooks, options);
  }

  /** What the model had last been told of each cell when it answered a turn. */
  private _toldBefore(turn: Turn): Map<string, string> {
    const { turns } = this._chat.model;
    const index = turns.findIndex(({ id }) => id === turn.id);
    const told = new Map<string, string>();
    for (const { content } of turns.slice(0, index + 1)) {
      for (const part of typeof content === 'string' ? [] : content) {
        const cells = part.type === 'text' ? toldIn(part.text) : [];
        for (const [id, source] of cells) {
          told.set(id, source);
        }
      }
    }
    return told;
  }

  /** The open notebook that has the most of the cells that are changed, or were told of. */
  private _notebookOf(
    changes: readonly Change[],
    told: ReadonlyMap<string, string>
  ): NotebookPanel | null {
    const named = changes.map(change => ('cell' in change ? change.cell : change.after));
    const ids = named.some(id => id !== START) ? named : [...told.keys()];
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
      isThere: () => notebooks.front.visible !== null,
      take: () => notebooks.front.visible && changesContext(notebooks.front.visible)
    });
  }
};
