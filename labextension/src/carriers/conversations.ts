/**
 * This file is the conversations that the server keeps: listed, found, renamed, exported, written.
 *
 * Whose turn it is to write is left to `server.ts`.
 */
import type { Turn } from '../words';
import type { Api } from './api';

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
    return (await this._api.json<{ data: Summary[] }>(ADDRESS + query)).data;
  }

  create(name: string, turns: readonly Turn[] = []): Promise<Stored> {
    return this._api.json(ADDRESS, 'POST', { name, turns });
  }

  get(id: string): Promise<Stored> {
    return this._api.json(`${ADDRESS}/${id}`);
  }

  rename(id: string, name: string): Promise<Summary> {
    return this._api.json(`${ADDRESS}/${id}`, 'PATCH', { name });
  }

  /** Write turns that were made from a revision; another one in the store is an error. */
  write(id: string, turns: readonly Turn[], revision: number): Promise<Summary> {
    return this._api.json(`${ADDRESS}/${id}`, 'PATCH', { turns, revision });
  }

  async delete(id: string): Promise<void> {
    await this._api.request(`${ADDRESS}/${id}`, { method: 'DELETE' });
  }

  /** Give a conversation as the text of a file. */
  async export(id: string, format: Format): Promise<string> {
    return (await this._api.request(`${ADDRESS}/${id}/export?format=${format}`)).text();
  }
}
