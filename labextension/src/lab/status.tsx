/** This file is the plugin of the status bar: tokens of the last day, and what runs now. */
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { IStatusBar, showPopup, type Popup } from '@jupyterlab/statusbar';
import { Debouncer, Poll } from '@lumino/polling';
import { Widget } from '@lumino/widgets';
import { render, type JSX } from 'preact';

import type { Api } from '../carriers/api';
import type { Words } from '../view/services';
import { IChat } from './tokens';

/** How often the server is asked, in milliseconds; not at all while nobody looks. */
const ASK_EVERY_MS = 15_000;
const LOOK_EVERY_MS = 1_000;
const SOON_MS = 400;

interface Running {
  id: string;
  model: string | null;
  seconds: number;
  kernel: string | null;
}

interface Usage {
  total: { tokens_in: number; tokens_out: number };
}

/** What the server says of requests. */
class Requests {
  running: Running[] = [];
  tokens = 0;

  constructor(private readonly _api: Api) {}

  async refresh(): Promise<void> {
    const [running, usage] = await Promise.all([
      this._api.json<{ data: Running[] }>('aqueduct/requests'),
      this._api.json<Usage>('aqueduct/usage?days=1')
    ]);
    this.running = running.data;
    this.tokens = usage.total.tokens_in + usage.total.tokens_out;
  }

  async stop({ id }: Running): Promise<void> {
    await this._api.request(`aqueduct/requests/${encodeURIComponent(id)}`, { method: 'DELETE' });
  }
}

/** The item in the bar, and the list that it opens. */
class StatusItem extends Widget {
  private _popup: Popup | null = null;

  constructor(
    private readonly _requests: Requests,
    private readonly _words: Words
  ) {
    super({ node: document.createElement('button') });
    this.addClass('aqueduct-status');
    this.node.addEventListener('click', () => void this._open());
    this.draw();
  }

  draw(): void {
    const { running, tokens } = this._requests;
    const words = this._words;
    const count = running.length ? ` · ${words.__('%1 running', running.length)}` : '';
    this.node.textContent = words.__('%1 tokens', shortNumber(tokens)) + count;
    this.node.title = words.__('Tokens of the last 24 hours, and the requests that run now');
  }

  private async _open(): Promise<void> {
    await this._requests.refresh().catch(() => undefined);
    this.draw();
    const body = new Widget();
    body.addClass('aqueduct-requests');
    const draw = (): void =>
      render(
        <RequestList
          running={this._requests.running}
          words={this._words}
          stop={request => void this._stop(request, draw)}
        />,
        body.node
      );
    draw();
    const timer = window.setInterval(() => {
      void this._requests
        .refresh()
        .then(draw)
        .catch(() => undefined);
    }, LOOK_EVERY_MS);
    body.disposed.connect(() => window.clearInterval(timer));
    this._popup?.dispose();
    this._popup = showPopup({ body, anchor: this, align: 'right', hasDynamicSize: true });
    body.node.querySelector<HTMLElement>('[tabindex]')?.focus();
  }

  private async _stop(request: Running, draw: () => void): Promise<void> {
    // One that has just ended needs no stop.
    await this._requests.stop(request).catch(() => undefined);
    await this._requests.refresh().catch(() => undefined);
    draw();
    this.draw();
  }
}

function RequestList(props: {
  running: Running[];
  words: Words;
  stop: (request: Running) => void;
}): JSX.Element {
  const { running, words, stop } = props;
  return (
    <section tabIndex={-1} aria-label={words.__('Running requests')}>
      {running.length === 0 && <p>{words.__('No request runs now.')}</p>}
      <ul>
        {running.map(request => (
          <li key={request.id}>
            <span>
              {request.model ?? words.__('a model')} · {Math.round(request.seconds)} s
              {request.kernel ? ` · ${words.__('from a notebook')}` : ''}
            </span>
            <button type="button" class="aqueduct-button" onClick={() => stop(request)}>
              {words.__('Stop')}
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

function shortNumber(count: number): string {
  return new Intl.NumberFormat(undefined, {
    notation: 'compact',
    maximumFractionDigits: 1
  }).format(count);
}

export const statusPlugin: JupyterFrontEndPlugin<void> = {
  id: 'aqueduct-jupyter:status',
  description: 'Shows in the status bar how many tokens were used, and stops running requests.',
  autoStart: true,
  requires: [IChat, IStatusBar],
  activate: (_app: JupyterFrontEnd, chat: IChat, bar: IStatusBar) => {
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
    // The server writes its ledger a moment after an answer's end.
    const soon = new Debouncer(() => poll.refresh(), SOON_MS);
    chat.carrier.asked.connect(() => void soon.invoke().catch(() => undefined));
    bar.registerStatusItem('aqueduct-jupyter:status', { item, align: 'right', rank: 5 });
  }
};
