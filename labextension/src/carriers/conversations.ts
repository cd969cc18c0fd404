/**
 * The conversations in the server's store: list, search, rename, export, write.
 *
 * `server.ts` decides when to write.
 */
import type { Turn } from '../protocol-types';
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
    const answer = await this._api.json(ADDRESS + query);
    // A conversation without an id cannot be opened.
    return listIn(answer.data)
      .map(summaryIn)
      .filter(({ id }) => id);
  }

  /** Store a new conversation; the server chooses a name if it has none. */
  async create(name: string, turns: readonly Turn[] = []): Promise<Stored> {
    return storedIn(await this._api.json(ADDRESS, 'POST', { name: name || null, turns }));
  }

  async get(id: string): Promise<Stored> {
    const answer = await this._api.json(addressOf(id));
    if (!Array.isArray(answer.turns)) {
      // If it were taken as empty, a later write would overwrite the stored one.
      throw this._api.nonsense();
    }
    return { ...storedIn(answer), id };
  }

  async rename(id: string, name: string): Promise<Summary> {
    return summaryIn(await this._api.json(addressOf(id), 'PATCH', { name }));
  }

  /** Write turns that are based on a revision; a different revision in the store is an error. */
  async write(id: string, turns: readonly Turn[], revision: number): Promise<Summary> {
    return summaryIn(await this._api.json(addressOf(id), 'PATCH', { turns, revision }));
  }

  async delete(id: string): Promise<void> {
    await this._api.request(addressOf(id), { method: 'DELETE' });
  }

  /** Return a conversation as the text of a file. */
  async export(id: string, format: Format): Promise<string> {
    return (await this._api.request(`${addressOf(id)}/export?format=${format}`)).text();
  }
}

function addressOf(id: string): string {
  return `${ADDRESS}/${encodeURIComponent(id)}`;
}
