/** The plugin of the status bar: the tokens and costs of the last day, and the running requests. */
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { IStatusBar, showPopup, type Popup } from '@jupyterlab/statusbar';
import { Debouncer, Poll } from '@lumino/polling';
import { Widget } from '@lumino/widgets';

import { Requests } from '../carriers/requests';
import type { Words } from '../translation';
import { shortCost, shortNumber } from './amounts';
import { RunningRequests } from './running-requests';
import { IChat } from './tokens';

/** How often the server is polled, in milliseconds; never while the page is hidden. */
const ASK_EVERY_MS = 15_000;
const SOON_MS = 400;

/** The item in the bar, and the list that it opens. */
class StatusItem extends Widget {
  private _popup: Popup | null = null;

  constructor(
    private readonly _requests: Requests,
    private readonly _words: Words
  ) {
    super({ node: document.createElement('button') });
    this.addClass('aqueduct-status');
    this.node.addEventListener('click', () => this._open());
    this.draw();
  }

  draw(): void {
    const { running, tokens, usd } = this._requests;
    const words = this._words;
    const count = running.length ? ` · ${words.__('%1 running', running.length)}` : '';
    const used = words._n('%2 token', '%2 tokens', tokens, shortNumber(tokens));
    const cost = usd === null ? '' : ` · ${shortCost(usd)}`;
    this.node.textContent = used + cost + count;
    this.node.title = words.__('Tokens and known costs in the last 24 hours, and running requests');
  }

  private _open(): void {
    const body = new RunningRequests(this._requests, this._words, () => this.draw());
    this._popup?.dispose();
    this._popup = showPopup({ body, anchor: this, align: 'right', hasDynamicSize: true });
    body.node.querySelector<HTMLElement>('[tabindex]')?.focus();
  }
}

export const statusPlugin: JupyterFrontEndPlugin<void> = {
  id: 'aqueduct-jupyter:status',
  description:
    'Shows the tokens used and their cost in the status bar, and lists and stops running requests.',
  autoStart: true,
  requires: [IChat],
  optional: [IStatusBar],
  activate: (_app: JupyterFrontEnd, chat: IChat, bar: IStatusBar | null) => {
    if (!bar) {
      // Notebook 7 has none.
      return;
    }
    const requests = new Requests(chat.api);
    const item = new StatusItem(requests, chat.words);
    const poll = new Poll({
      name: 'aqueduct-jupyter:requests',
      factory: async () => {
        await requests.refresh();
        item.draw();
      },
      frequency: { interval: ASK_EVERY_MS, backoff: true, max: 10 * ASK_EVERY_MS },
      standby: 'when-hidden'
    });
    // The server updates its ledger a moment after an answer ends.
    const soon = new Debouncer(() => poll.refresh(), SOON_MS);
    chat.carrier.asked.connect(() => {
      // If this fails, the next poll tries again.
      soon.invoke().catch(() => undefined);
    });
    bar.registerStatusItem('aqueduct-jupyter:status', { item, align: 'right', rank: 5 });
  }
};
