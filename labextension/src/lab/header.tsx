/** The sidebar's header: the current conversation's name, the list of others, and a menu. */
import type { JSX } from 'preact';
import { useLayoutEffect, useReducer, useRef, useState } from 'preact/hooks';

import type { Format, Summary } from '../carriers/conversations';
import type { ServerCarrier } from '../carriers/server';
import { Newest } from '../model/newest';
import type { Words } from '../translation';
import { Icon, IconButton } from '../view/icons';
import { Popup } from '../view/popup';

/** The actions that the header needs from JupyterLab. */
export interface HeaderActs {
  rename: () => void;
  remove: () => void;
  export: (format: Format) => void;
}

interface HeaderProps {
  carrier: ServerCarrier;
  words: Words;
  acts: HeaderActs;
}

export function Header({ carrier, words, acts }: HeaderProps): JSX.Element {
  const [, draw] = useReducer((count: number) => count + 1, 0);
  useLayoutEffect(() => carrier.opened.connect(() => draw(null)), [carrier]);
  const { id, name } = carrier.current;
  return (
    <header class="aqueduct-header">
      <ConversationList carrier={carrier} words={words} />
      <h1 title={name}>{name || words.__('New conversation')}</h1>
      <IconButton
        icon="add"
        label={words.__('New conversation')}
        act={() => {
          carrier.open(null).catch(carrier.complain);
        }}
      />
      <Popup
        label={words.__('More about this conversation')}
        face={<Icon name="more" />}
        kind="aqueduct-menu-down aqueduct-menu-right"
      >
        {close => {
          const items: [string, () => void][] = [
            [words.__('Rename…'), acts.rename],
            [words.__('Export as Markdown'), () => acts.export('md')],
            [words.__('Export as notebook'), () => acts.export('ipynb')],
            [words.__('Delete…'), acts.remove]
          ];
          return items.map(([label, act]) => (
            <button
              type="button"
              key={label}
              disabled={id === null}
              onClick={() => {
                close();
                act();
              }}
            >
              {label}
            </button>
          ));
        }}
      </Popup>
    </header>
  );
}

function ConversationList({ carrier, words }: Omit<HeaderProps, 'acts'>): JSX.Element {
  const [found, setFound] = useState<Summary[] | null>(null);
  const [search, setSearch] = useState('');
  const looks = useRef(new Newest());
  const look = (text: string): void => {
    const isNewest = looks.current.begin();
    setSearch(text);
    carrier.conversations
      .list(text.trim())
      // An earlier search may be answered later.
      .then(conversations => isNewest() && setFound(conversations))
      .catch(carrier.complain);
  };
  return (
    <Popup
      label={words.__('Conversations')}
      face={<Icon name="list" />}
      kind="aqueduct-menu-down"
      onOpen={() => {
        // The last list may be out of date.
        setFound(null);
        look('');
      }}
    >
      {close => (
        <>
          <input
            type="search"
            value={search}
            placeholder={words.__('Search')}
            aria-label={words.__('Search in conversations')}
            onInput={event => look(event.currentTarget.value)}
          />
          {found?.length === 0 && <p>{words.__('Nothing found')}</p>}
          {found?.map(({ id, name, updated_at }) => (
            <button
              type="button"
              key={id}
              aria-current={id === carrier.current.id}
              onClick={() => {
                close();
                carrier.open(id).catch(carrier.complain);
              }}
            >
              <span>{name}</span>
              <small>{new Date(updated_at * 1000).toLocaleDateString()}</small>
            </button>
          ))}
        </>
      )}
    </Popup>
  );
}
