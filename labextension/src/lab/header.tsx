/** The sidebar's header: the current conversation's name, the list of others, and a menu. */
import type { JSX } from 'preact';
import { useLayoutEffect, useReducer } from 'preact/hooks';

import type { Named } from '../carriers/conversations';
import { Icon, IconButton } from '../view/icons';
import { ParametersPopup } from '../view/parameters';
import { Popup } from '../view/popup';
import { ConversationList, type ListProps } from './conversation-list';

export function Header({ carrier, words, acts }: ListProps): JSX.Element {
  const [, draw] = useReducer((count: number) => count + 1, 0);
  useLayoutEffect(() => carrier.opened.connect(() => draw(null)), [carrier]);
  const { id, name } = carrier.current;
  return (
    <header class="aqueduct-header">
      <ConversationList carrier={carrier} words={words} acts={acts} />
      <h1 title={name}>{name || words.__('New conversation')}</h1>
      <IconButton
        icon="add"
        label={words.__('New conversation')}
        act={() => {
          carrier.open(null).catch(carrier.complain);
        }}
      />
      <ParametersPopup carrier={carrier} words={words} kind="aqueduct-menu-down" />
      <Popup
        label={words.__('More about this conversation')}
        face={<Icon name="more" />}
        kind="aqueduct-menu-down aqueduct-menu-right"
      >
        {close => {
          const items: [string, (conversation: Named) => Promise<void>][] = [
            [words.__('Rename…'), conversation => acts.rename(conversation)],
            [words.__('Export…'), conversation => acts.export(conversation)],
            [words.__('Delete…'), conversation => acts.remove([conversation])]
          ];
          return items.map(([label, act]) => (
            <button
              type="button"
              key={label}
              disabled={id === null}
              onClick={() => {
                close();
                act({ id: id!, name }).catch(carrier.complain);
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
