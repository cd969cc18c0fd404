/** The list of conversations: grouped by day, searched, and tidied one by one or several at once. */
import type { ComponentChildren, JSX } from 'preact';
import { useRef, useState } from 'preact/hooks';

import type { Summary } from '../carriers/conversations';
import type { ServerCarrier } from '../carriers/server';
import { groupOf, timeOf } from '../model/dates';
import { Newest } from '../model/newest';
import type { Words } from '../translation';
import { useDrawnCount } from '../view/drawn-turns';
import { Icon, IconButton } from '../view/icons';
import { Popup } from '../view/popup';
import type { ConversationActs } from './conversation-acts';

/** Rows that are drawn at once, which are more than fit on a page, and in each step after it. */
const AT_ONCE = 60;
const A_STEP = 120;

/** What can be done with conversations. */
export type Acts = Pick<ConversationActs, 'rename' | 'pin' | 'remove' | 'export'>;

export interface ListProps {
  carrier: ServerCarrier;
  words: Words;
  acts: Acts;
}

export function ConversationList({ carrier, words, acts }: ListProps): JSX.Element {
  const [found, setFound] = useState<Summary[] | null>(null);
  const [search, setSearch] = useState('');
  /** The row whose actions are shown; drawing them for each of a thousand rows would take long. */
  const [active, setActive] = useState<string | null>(null);
  /** The ids of the selected conversations; null if none are being selected. */
  const [selected, select] = useState<ReadonlySet<string> | null>(null);
  const input = useRef<HTMLInputElement>(null);
  const looks = useRef(new Newest());
  /** How often the list was opened. */
  const [opening, countOpening] = useState(0);
  const look = (text: string): void => {
    const isNewest = looks.current.begin();
    setSearch(text);
    carrier.conversations
      .list(text.trim())
      // An earlier search may be answered later.
      .then(conversations => isNewest() && setFound(conversations))
      .catch(carrier.complain);
  };
  const after = (act: Promise<void>): void => {
    act.then(() => look(search)).catch(carrier.complain);
  };
  const open = (): void => {
    // The last list may be out of date.
    setFound(null);
    countOpening(opening + 1);
    select(null);
    look('');
    input.current?.focus();
  };
  const drawn = useDrawnCount(opening, found?.length ?? 0, AT_ONCE, A_STEP);
  const chosen = (found ?? []).filter(({ id }) => selected?.has(id));
  const toggle = (id: string): void => {
    const ids = new Set(selected);
    select(ids.delete(id) ? ids : ids.add(id));
  };

  return (
    <Popup
      label={words.__('Conversations')}
      face={<Icon name="list" />}
      kind="aqueduct-menu-down aqueduct-list"
      onOpen={open}
    >
      {close => (
        <>
          <div class="aqueduct-list-head">
            <input
              type="search"
              ref={input}
              value={search}
              placeholder={words.__('Search')}
              aria-label={words.__('Search in conversations')}
              onInput={event => look(event.currentTarget.value)}
            />
            <IconButton
              icon="select"
              label={selected ? words.__('Select none') : words.__('Select several')}
              act={() => select(selected ? null : new Set())}
            />
          </div>
          {selected && (
            <div class="aqueduct-list-bar">
              <span>{words._n('%1 selected', '%1 selected', chosen.length)}</span>
              <button
                type="button"
                class="aqueduct-button"
                onClick={() => select(new Set((found ?? []).map(({ id }) => id)))}
              >
                {words.__('Select all')}
              </button>
              <button
                type="button"
                class="aqueduct-button"
                disabled={!chosen.length}
                onClick={() => after(acts.remove(chosen).then(() => select(null)))}
              >
                {words.__('Delete…')}
              </button>
            </div>
          )}
          {found?.length === 0 && <p>{words.__('Nothing found')}</p>}
          {firstOf(grouped(found ?? [], words), drawn).map(({ name, conversations }) => (
            <section key={name} aria-label={name}>
              <h2>{name}</h2>
              {conversations.map(conversation => (
                <Row
                  key={conversation.id}
                  conversation={conversation}
                  isCurrent={conversation.id === carrier.current.id}
                  onEnter={() => setActive(conversation.id)}
                  open={() => {
                    close();
                    carrier.open(conversation.id).catch(carrier.complain);
                  }}
                  mark={
                    selected && (
                      <input
                        type="checkbox"
                        checked={selected.has(conversation.id)}
                        aria-label={words.__('Select %1', conversation.name)}
                        onChange={() => toggle(conversation.id)}
                      />
                    )
                  }
                  actions={
                    !selected &&
                    active === conversation.id && (
                      <Actions {...{ conversation, words, acts, after }} />
                    )
                  }
                />
              ))}
            </section>
          ))}
        </>
      )}
    </Popup>
  );
}

interface RowProps {
  conversation: Summary;
  isCurrent: boolean;
  /** Called when the pointer or the focus comes. */
  onEnter: () => void;
  open: () => void;
  mark: ComponentChildren;
  actions: ComponentChildren;
}

function Row({ conversation, isCurrent, onEnter, open, mark, actions }: RowProps): JSX.Element {
  const { name, updated_at } = conversation;
  return (
    <div class="aqueduct-row" onPointerEnter={onEnter} onFocusIn={onEnter}>
      {mark}
      <button type="button" title={name} aria-current={isCurrent} onClick={open}>
        <span>{name}</span>
        <small>{timeOf(updated_at, Date.now())}</small>
      </button>
      {actions}
    </div>
  );
}

function Actions(props: {
  conversation: Summary;
  words: Words;
  acts: Acts;
  after: (act: Promise<void>) => void;
}): JSX.Element {
  const { conversation, words, acts, after } = props;
  const { is_pinned: isPinned } = conversation;
  return (
    <span class="aqueduct-actions">
      <IconButton
        icon="pin"
        label={isPinned ? words.__('Unpin') : words.__('Pin to the top')}
        act={() => after(acts.pin(conversation, !isPinned))}
      />
      <IconButton
        icon="edit"
        label={words.__('Rename…')}
        act={() => after(acts.rename(conversation))}
      />
      <IconButton
        icon="export"
        label={words.__('Export…')}
        act={() => after(acts.export(conversation))}
      />
      <IconButton
        icon="remove"
        label={words.__('Delete…')}
        act={() => after(acts.remove([conversation]))}
      />
    </span>
  );
}

interface Group {
  name: string;
  conversations: Summary[];
}

/** The first conversations of some groups. */
function firstOf(groups: readonly Group[], most: number): Group[] {
  let left = most;
  return groups.flatMap(({ name, conversations }) => {
    const first = conversations.slice(0, Math.max(0, left));
    left -= first.length;
    return first.length ? [{ name, conversations: first }] : [];
  });
}

/** Group the conversations, which are in the order of their last change; the pinned come first. */
function grouped(conversations: readonly Summary[], words: Words): Group[] {
  const now = Date.now();
  const groups = new Map<string, Summary[]>();
  const put = (name: string, conversation: Summary): void => {
    const group = groups.get(name) ?? [];
    group.push(conversation);
    groups.set(name, group);
  };
  const pinned = conversations.filter(({ is_pinned: isPinned }) => isPinned);
  pinned.forEach(conversation => put(words.__('Pinned'), conversation));
  for (const conversation of conversations) {
    if (!conversation.is_pinned) {
      put(groupOf(conversation.updated_at, now, words), conversation);
    }
  }
  return [...groups].map(([name, members]) => ({ name, conversations: members }));
}
