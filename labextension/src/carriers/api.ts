/**
 * This file is requests to the extension's own addresses on the Jupyter server.
 *
 * What they mean is left to those who ask; errors come as sentences of the server.
 */
import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';

import { CarrierError } from './carrier';

interface Envelope {
  error?: { message?: string; code?: string | null };
}

export class Api {
  constructor(readonly settings: ServerConnection.ISettings = ServerConnection.makeSettings()) {}

  /** The address of something below the server's base. */
  url(path: string): string {
    return URLExt.join(this.settings.baseUrl, path);
  }

  /**
   * Send a request, and give its response once it is known to be good.
   *
   * @throws CarrierError with the server's own sentence
   */
  async request(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    headers.set('Content-Type', 'application/json');
    const sent = init.body === undefined ? init : { ...init, headers };
    let response: Response;
    try {
      response = await ServerConnection.makeRequest(this.url(path), sent, this.settings);
    } catch (error) {
      if (init.signal?.aborted) {
        throw error;
      }
      throw new CarrierError('The Jupyter server does not answer.', 'unreachable');
    }
    if (!response.ok) {
      throw await failureOf(response);
    }
    return response;
  }

  /** Send a request with an object, and give the one that comes back. */
  async json<T>(path: string, method = 'GET', words?: unknown): Promise<T> {
    const body = words === undefined ? undefined : JSON.stringify(words);
    return (await (await this.request(path, { method, body })).json()) as T;
  }

  /**
   * Upload a file, told how far it is. `fetch` does not tell, so this is the old way.
   *
   * @returns the file's id
   */
  upload(file: File, progress: (share: number) => void, signal: AbortSignal): Promise<string> {
    const form = new FormData();
    form.append('purpose', 'user_data');
    form.append('file', file, file.name);
    const request = new XMLHttpRequest();
    request.open('POST', this.url('files'));
    for (const [name, value] of Object.entries(this._headers())) {
      request.setRequestHeader(name, value);
    }
    signal.addEventListener('abort', () => request.abort());
    return new Promise((resolve, reject) => {
      request.upload.onprogress = ({ loaded, total }) => progress(total ? loaded / total : 0);
      request.onload = () => {
        const words = parsed(request.responseText) as Envelope & { id?: string };
        if (request.status === 200 && words.id) {
          resolve(words.id);
        } else {
          reject(failure(words, request.status));
        }
      };
      request.onerror = () => reject(new CarrierError('The Jupyter server does not answer.'));
      request.onabort = () => reject(new CarrierError('The upload was stopped.'));
      request.send(form);
    });
  }

  private _headers(): Record<string, string> {
    const { token } = this.settings;
    const xsrf = /(?:^|; )_xsrf=([^;]*)/.exec(document.cookie)?.[1];
    return {
      ...(token ? { Authorization: `token ${token}` } : {}),
      ...(xsrf ? { 'X-XSRFToken': xsrf } : {})
    };
  }
}

async function failureOf(response: Response): Promise<CarrierError> {
  const error = failure(parsed(await response.text()), response.status);
  return new CarrierError(error.message, error.code, response.headers.get('x-request-id'));
}

function failure(words: Envelope, status: number): CarrierError {
  const message = words.error?.message ?? `The server answered with status ${status}.`;
  return new CarrierError(message, words.error?.code ?? null);
}

function parsed(text: string): object {
  try {
    return (JSON.parse(text) ?? {}) as object;
  } catch {
    return {};
  }
}
