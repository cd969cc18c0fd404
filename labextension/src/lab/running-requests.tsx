/** The list of running requests, refreshed while it is open, each with a stop button. */
import { Widget } from '@lumino/widgets';
import { render, type JSX } from 'preact';

import type { Requests, Running } from '../carriers/requests';
import { sentenceOf } from '../model/plain-text';
import type { Words } from '../translation';

const LOOK_EVERY_MS = 1_000;

export class RunningRequests extends Widget {
  private _timer: number | undefined;

  constructor(
    private readonly _requests: Requests,
    private readonly _words: Words,
    private readonly _onLook: () => void
  ) {
    super();
    this.addClass('aqueduct-requests');
    this._draw(null);
    this._look();
  }

  override dispose(): void {
    window.clearTimeout(this._timer);
    super.dispose();
  }

  /** Refresh the list when `done` has finished, and then periodically. */
  private _look(done: Promise<void> = Promise.resolve()): void {
    window.clearTimeout(this._timer);
    done
      .then(() => this._requests.refresh())
      .then(
        () => this._draw(null),
        (error: unknown) => this._draw(sentenceOf(error))
      )
      .finally(() => {
        window.clearTimeout(this._timer);
        if (!this.isDisposed) {
          this._timer = window.setTimeout(() => this._look(), LOOK_EVERY_MS);
        }
      });
  }

  private _draw(trouble: string | null): void {
    if (this.isDisposed) {
      return;
    }
    const { running } = this._requests;
    const stop = (request: Running): void => this._look(this._requests.stop(request));
    render(<RequestList {...{ running, trouble, stop }} words={this._words} />, this.node);
    this._onLook();
  }
}

function RequestList(props: {
  running: readonly Running[];
  trouble: string | null;
  words: Words;
  stop: (request: Running) => void;
}): JSX.Element {
  const { running, trouble, words, stop } = props;
  return (
    <section tabIndex={-1} aria-label={words.__('Running requests')}>
      {trouble && <p role="alert">{trouble}</p>}
      {!trouble && running.length === 0 && <p>{words.__('No running requests.')}</p>}
      <ul>
        {running.map(request => (
          <li key={request.id}>
            <span>
              {[
                request.model ?? words.__('a model'),
                words.__('%1 s', Math.round(request.seconds)),
                request.isFromNotebook && words.__('from a notebook')
              ]
                .filter(Boolean)
                .join(' · ')}
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
