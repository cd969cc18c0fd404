/** The running requests on the Jupyter server, how to stop them, and what the last day used. */
import type { Api } from './api';
import { codeOf } from './carrier';
import { isObject, listIn, numberIn, objectIn, plainOrNull, textIn } from './json';

export interface Running {
  id: string;
  model: string | null;
  seconds: number;
  isFromNotebook: boolean;
}

export class Requests {
  running: readonly Running[] = [];
  tokens = 0;
  /** The cost in US dollars, or null if it is not known. */
  usd: number | null = null;
  private _reading: Promise<void> = Promise.resolve();

  constructor(private readonly _api: Api) {}

  /** Refresh after all earlier refreshes, so that an old response never replaces a newer one. */
  refresh(): Promise<void> {
    this._reading = this._reading.catch(() => undefined).then(() => this._read());
    return this._reading;
  }

  async stop({ id }: Running): Promise<void> {
    try {
      await this._api.request(`aqueduct/requests/${encodeURIComponent(id)}`, { method: 'DELETE' });
    } catch (error) {
      // The request has just ended by itself.
      if (codeOf(error) !== 'request_not_found') {
        throw error;
      }
    }
  }

  private async _read(): Promise<void> {
    const [requests, usage] = await Promise.all([
      this._api.json('aqueduct/requests'),
      this._api.json('aqueduct/usage?days=1')
    ]);
    const total = objectIn(usage.total);
    this.running = listIn(requests.data).filter(isObject).map(runningIn);
    this.tokens = numberIn(total.tokens_in) + numberIn(total.tokens_out);
    this.usd = Number.isFinite(total.usd) ? numberIn(total.usd) : null;
  }
}

function runningIn(fields: Record<string, unknown>): Running {
  return {
    id: textIn(fields.id),
    model: plainOrNull(fields.model),
    seconds: numberIn(fields.seconds),
    isFromNotebook: Boolean(fields.kernel)
  };
}
