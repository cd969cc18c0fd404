/**
 * The conversations that the server keeps: listed, found, renamed, exported, written.
 *
 * Whose turn it is to write is left to `server.ts`.
 */
import type { Turn } from '../words';
import type { Api } from './api';
import { listIn } from './json';
import { storedIn, summaryIn } from './received';

export interface Summary {
  id: string;
  name: string;
  /** How many turns it has. */
  turns: number;
  revision: number;
  /** Seconds since 1970. */
  updated_at: number;
}

export interface Stored extends Omit<Summary, 'turns'> {
  turns: Turn[];
}

export type Format = 'md' | 'ipynb' | 'json';

const ADDRESS = 'aqueduct/conversations';

export class Conversations {
  constructor(private readonly _api: Api) {}

  async list(search = ''): Promise<Summary[]> {
    const query = search ? `?search=${encodeURIComponent(search)}` : '';
    const said = await this._api.json(ADDRESS + query);
    // One without an id cannot be opened.
    return listIn(said.data)
      .map(summaryIn)
      .filter(({ id }) => id);
  }

  /** Keep a new one; the server names one without a name. */
  async create(name: string, turns: readonly Turn[] = []): Promise<Stored> {
    return storedIn(await this._api.json(ADDRESS, 'POST', { name: name || null, turns }));
  }

  async get(id: string): Promise<Stored> {
    const said = await this._api.json(addressOf(id));
    if (!Array.isArray(said.turns)) {
      // As an empty one it would be written over what the store has.
      throw this._api.nonsense();
    }
    return { ...storedIn(said), id };
  }

  async rename(id: string, name: string): Promise<Summary> {
    return summaryIn(await this._api.json(addressOf(id), 'PATCH', { name }));
  }

  /** Write turns that were made from a revision; another one in the store is an error. */
  async write(id: string, turns: readonly Turn[], revision: number): Promise<Summary> {
    return summaryIn(await this._api.json(addressOf(id), 'PATCH', { turns, revision }));
  }

  async delete(id: string): Promise<void> {
    await this._api.request(addressOf(id), { method: 'DELETE' });
  }

  /** Give a conversation as the text of a file. */
  async export(id: string, format: Format): Promise<string> {
    return (await this._api.request(`${addressOf(id)}/export?format=${format}`)).text();
  }
}

function addressOf(id: string): string {
  return `${ADDRESS}/${encodeURIComponent(id)}`;
}
