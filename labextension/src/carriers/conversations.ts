/**
 * The conversations on the server: list, search, rename, export, ask, stop.
 *
 * `server.ts` decides when; what the server tells of a conversation comes over `following.ts`.
 */
import { plainText, sentenceOf } from '../model/plain-text';
import type { Ending, Part } from '../protocol-types';
import type { Api } from './api';
import { CarrierError, codeOf } from './carrier';
import { listIn } from './json';
import type { ConversationParameters } from './parameters';
import { summaryIn } from './received';

export interface Named {
  id: string;
  name: string;
}

export interface Summary extends Named {
  /** How many turns it has. */
  turns: number;
  revision: number;
  /** Seconds since 1970. */
  updated_at: number;
  is_pinned: boolean;
}

/** A question, as the server takes it; `id` is the turn's. */
export interface Asking {
  id: string;
  request: string;
  prompt: string;
  content: string | Part[];
  model: string | null;
  before: string | null;
  continues: boolean;
  system: string | null;
  facts: string | null;
}

export type Format = 'md' | 'ipynb' | 'json';

/** Longest name made from a question, in characters. */
const LONGEST_NAME = 60;

const ADDRESS = 'aqueduct/conversations';

export class Conversations {
  constructor(private readonly _api: Api) {}

  async list(search = ''): Promise<Summary[]> {
    const query = search ? `?search=${encodeURIComponent(search)}` : '';
    const answer = await this._api.json(ADDRESS + query);
    // A conversation without an id cannot be opened.
    return listIn(answer.data)
      .map(summaryIn)
      .filter(({ id }) => id);
  }

  /** Store a new conversation, named after its first question if that can be shown. */
  async create(prompt: string, parameters: ConversationParameters): Promise<Summary> {
    return summaryIn(
      await this._api.json(ADDRESS, 'POST', { name: nameFor(prompt) || null, parameters })
    );
  }

  async setParameters(id: string, parameters: ConversationParameters): Promise<void> {
    await this._api.json(addressOf(id), 'PATCH', { parameters });
  }

  async rename(id: string, name: string): Promise<Summary> {
    return summaryIn(await this._api.json(addressOf(id), 'PATCH', { name }));
  }

  /** Pin it to the top of the list, or take the pin away. */
  async pin(id: string, isPinned: boolean): Promise<void> {
    await this._api.json(addressOf(id), 'PATCH', { is_pinned: isPinned });
  }

  /** Ask; the answer comes as events. A question that is sent again is not asked again. */
  async ask(id: string, asking: Asking): Promise<void> {
    await this._api.json(`${addressOf(id)}/turns`, 'POST', asking);
  }

  /** Stop the answer of a turn, whoever asked for it. */
  async stop(id: string, turn: string): Promise<void> {
    const stopping = this._api.request(`${turnAddress(id, turn)}/stop`, { method: 'POST' });
    await stopping.catch(ignoreMissing);
  }

  async remove(id: string, turn: string): Promise<void> {
    const removing = this._api.request(turnAddress(id, turn), { method: 'DELETE' });
    await removing.catch(ignoreMissing);
  }

  /** Put back a turn that was removed a short while ago. */
  async restore(id: string, turn: string): Promise<void> {
    await this._api.request(`${turnAddress(id, turn)}/restore`, { method: 'POST' });
  }

  /** Show another version of a turn, with what followed it. */
  async choose(id: string, turn: string, version: number): Promise<void> {
    await this._api.json(`${turnAddress(id, turn)}/version`, 'POST', { version });
  }

  async delete(id: string): Promise<void> {
    await this._api.request(addressOf(id), { method: 'DELETE' });
  }

  /** Return a conversation as the text of a file. */
  async export(id: string, format: Format): Promise<string> {
    return (await this._api.request(`${addressOf(id)}/export?format=${format}`)).text();
  }

  /** How a turn ends whose question the server did not take. */
  endingOf(error: unknown): Ending {
    const requestId = error instanceof CarrierError ? error.requestId : null;
    return {
      state: 'failed',
      error: sentenceOf(error),
      error_code: codeOf(error),
      request_id: requestId
    };
  }
}

/** The address of a conversation. */
export function addressOf(id: string): string {
  return `${ADDRESS}/${encodeURIComponent(id)}`;
}

function turnAddress(id: string, turn: string): string {
  return `${addressOf(id)}/turns/${encodeURIComponent(turn)}`;
}

/** What is gone already need not be stopped or removed. */
function ignoreMissing(error: unknown): void {
  const code = codeOf(error);
  if (code !== 'turn_not_found' && code !== 'conversation_not_found') {
    throw error;
  }
}

/** Name a conversation after its first question. */
function nameFor(prompt: string): string {
  return plainText(prompt.trim().split('\n', 1)[0], LONGEST_NAME);
}
