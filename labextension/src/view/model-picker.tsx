/** The choice of a model: grouped by upstream, searched where there are many. */
import type { JSX } from 'preact';
import { useRef, useState } from 'preact/hooks';

import type { ChatModel } from '../model/chat';
import { plainText } from '../model/plain-text';
import type { Words } from '../translation';
import { Icon } from './icons';
import { Popup } from './popup';

/** From how many models on there is a search. */
const MANY = 8;

/** The names of our own upstreams, whose models are demonstrations. */
const EMBEDDED = 'local';
const SCRIPTED = 'demo';

export function ModelPicker({ model, words }: { model: ChatModel; words: Words }): JSX.Element {
  const [search, setSearch] = useState('');
  const input = useRef<HTMLInputElement>(null);
  const node = useRef<HTMLDivElement>(null);
  const names = namesByLook(model.choice.models);
  const chosen = plainText(model.model);
  if (!names.size) {
    return (
      <span class="aqueduct-models">{model.setup ? words.__('no model') : words.__('…')}</span>
    );
  }
  const sought = search.trim().toLowerCase();
  const found = [...names].filter(([look]) => look.toLowerCase().includes(sought));
  const owners = model.setup?.owners ?? {};
  const choose = (name: string, close: () => void): void => {
    close();
    model.choice.choose(name);
    // Back to the question, which is what the model is chosen for.
    node.current?.closest('form')?.querySelector('textarea')?.focus();
  };
  return (
    <div class="aqueduct-picker" ref={node}>
      <Popup
        label={words.__('Model: %1', chosen)}
        face={
          <>
            <span>{chosen}</span>
            <Icon name="open" />
          </>
        }
        kind="aqueduct-models"
        onOpen={() => {
          setSearch('');
          input.current?.focus();
        }}
      >
        {close => (
          <>
            {names.size >= MANY && (
              <input
                type="search"
                ref={input}
                value={search}
                placeholder={words.__('Search')}
                aria-label={words.__('Search in models')}
                onInput={event => setSearch(event.currentTarget.value)}
                onKeyDown={event => {
                  if (event.key === 'Enter') {
                    // Otherwise the form around would send the question.
                    event.preventDefault();
                    const [first] = found;
                    if (first) {
                      choose(first[1], close);
                    }
                  }
                }}
              />
            )}
            {!found.length && <p>{words.__('Nothing found')}</p>}
            {grouped(found, owners).map(([owner, members]) => (
              <section key={owner} aria-label={titleOf(owner, words) || words.__('Models')}>
                {titleOf(owner, words) && <h2>{titleOf(owner, words)}</h2>}
                {members.map(([look, name]) => (
                  <button
                    type="button"
                    key={look}
                    aria-current={look === chosen}
                    onClick={() => choose(name, close)}
                  >
                    {look}
                  </button>
                ))}
              </section>
            ))}
          </>
        )}
      </Popup>
    </div>
  );
}

type Found = [look: string, name: string];

/** Group models by upstream, in the order of the list; what no upstream lists comes last. */
function grouped(found: readonly Found[], owners: Record<string, string>): [string, Found[]][] {
  const groups = new Map<string, Found[]>();
  for (const one of found) {
    const owner = owners[one[1]] ?? '';
    groups.set(owner, [...(groups.get(owner) ?? []), one]);
  }
  return [...groups];
}

function titleOf(owner: string, words: Words): string {
  switch (owner) {
    case EMBEDDED:
      return words.__('A demonstration, on this server');
    case SCRIPTED:
      return words.__('Scripted, not a language model');
    default:
      return owner;
  }
}

/** Model names by their displayed form. If two look alike, the one that needs no change wins. */
function namesByLook(names: readonly string[]): Map<string, string> {
  const found = new Map<string, string>();
  for (const name of names) {
    const look = plainText(name);
    if (look && (look === name || !found.has(look))) {
      found.set(look, name);
    }
  }
  return found;
}
