/**
 * Requests to the extension's routes on the Jupyter server.
 *
 * Callers interpret the responses. Errors carry the server's messages.
 */
import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';

import { LONGEST_SENTENCE, plainText } from '../model/plain-text';
import { ENGLISH, type Words } from '../translation';
import { CarrierError } from './carrier';
import { isObject, objectIn, textIn, type JSONObject } from './json';

export class Api {
  constructor(
    readonly settings: ServerConnection.ISettings = ServerConnection.makeSettings(),
    readonly words: Words = ENGLISH
  ) {}

  /** The URL of a path below the server's base URL. */
  url(path: string): string {
    return URLExt.join(this.settings.baseUrl, path);
  }

  /**
   * Send a request and return its response if it is successful.
   *
   * @throws CarrierError with the server's message
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
      throw this._silence();
    }
    if (!response.ok) {
      throw this._failure(parsed(await response.text()), response.status, response.headers);
    }
    return response;
  }

  /**
   * Send a request with a JSON body, and return the JSON object in the response, unchecked.
   *
   * @throws CarrierError as for `request`, and if the response is not an object
   */
  async json(path: string, method = 'GET', content?: unknown): Promise<JSONObject> {
    const body = content === undefined ? undefined : JSON.stringify(content);
    const response = await this.request(path, { method, body });
    const answer = parsed(await response.text());
    if (!isObject(answer)) {
      throw this.nonsense();
    }
    return answer;
  }

  /** The error to throw for an unusable response. */
  nonsense(): CarrierError {
    return new CarrierError(
      this.words.__('The Jupyter server sent something that cannot be read. Reload the page.')
    );
  }

  /**
   * Upload a file and report the progress. `fetch` cannot report it, so this uses XMLHttpRequest.
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
        const answer = parsed(request.responseText);
        const id = textIn(objectIn(answer).id);
        if (request.status === 200 && id) {
          resolve(id);
        } else {
          reject(this._failure(answer, request.status));
        }
      };
      request.onerror = () => reject(this._silence());
      request.onabort = () => reject(new CarrierError(this.words.__('The upload was stopped.')));
      request.send(form);
    });
  }

  private _silence(): CarrierError {
    return new CarrierError(this.words.__('The Jupyter server does not answer.'), 'unreachable');
  }

  /** The error in the server's envelope, or one with the status if there is no message. */
  private _failure(answer: unknown, status: number, headers: Headers | null = null): CarrierError {
    const { message, code } = objectIn(objectIn(answer).error);
    const sentence =
      plainText(message, LONGEST_SENTENCE) ||
      this.words.__('The server answered with status %1.', status);
    const wait = /^\d{1,6}$/.exec(headers?.get('retry-after') ?? '')?.[0];
    const isSaid = wait === undefined || /\b(?:in|after) \d/i.test(sentence);
    const advice = isSaid ? '' : ` ${this.words.__('Try again in %1 s.', wait)}`;
    return new CarrierError(sentence + advice, code, headers?.get('x-request-id'));
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

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}
