/** The requests that run in the Jupyter server now, the tokens of the last day, and a request's end. */
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
  private _reading: Promise<void> = Promise.resolve();

  constructor(private readonly _api: Api) {}

  /** Ask again, after those who asked before: what an older answer says replaces nothing newer. */
  refresh(): Promise<void> {
    this._reading = this._reading.catch(() => undefined).then(() => this._read());
    return this._reading;
  }

  async stop({ id }: Running): Promise<void> {
    try {
      await this._api.request(`aqueduct/requests/${encodeURIComponent(id)}`, { method: 'DELETE' });
    } catch (error) {
      // One that has just ended needs no stop.
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
  }
}

function runningIn(said: Record<string, unknown>): Running {
  return {
    id: textIn(said.id),
    model: plainOrNull(said.model),
    seconds: numberIn(said.seconds),
    isFromNotebook: Boolean(said.kernel)
  };
}
