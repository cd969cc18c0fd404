/**
 * The list of what can go along with a question, above the composer.
 *
 * The focus stays in the text: the list is moved through with the keys that are pressed there.
 */
import type { JSX } from 'preact';
import { useEffect, useId, useLayoutEffect, useRef, useState } from 'preact/hooks';

import {
  bestOf,
  filtered,
  type Mention,
  type MentionGroup,
  type MentionSource,
  type Trigger
} from '../model/mentions';
import { plainText, sentenceOf } from '../model/plain-text';
import type { Words } from '../translation';
import { KindIcon } from './chip-face';

/** How long all sources are waited for, in milliseconds; what comes later is put at the end. */
const PATIENCE_MS = 250;

/** The list's state, for the text that it belongs to. */
export interface MentionList {
  readonly id: string;
  readonly groups: readonly MentionGroup[];
  readonly active: Mention | null;
  readonly isOpen: boolean;
  readonly isLoading: boolean;
  /** Whether it has prompts, and not what can be attached. */
  readonly isOfPrompts: boolean;
  setActive(mention: Mention): void;
  /** Handle a key; returns the chosen mention, or whether the key was for the list. */
  press(key: string): Mention | boolean;
}

/**
 * Load and filter what the sources offer while something is being mentioned.
 *
 * @param trigger - null if nothing is
 */
export function useMentions(
  sources: readonly MentionSource[],
  trigger: Trigger | null
): MentionList {
  const id = useId();
  const { groups: all, isLoading } = useGroups(sources, trigger);
  /** What the user has moved to, while the same thing is being mentioned. */
  const [chosen, choose] = useState('');
  useLayoutEffect(() => choose(''), [trigger?.sign, trigger?.start]);
  const groups = useSteadyOrder(all, trigger);
  const mentions = groups.flatMap(group => group.mentions);
  const active =
    mentions.find(({ id: other }) => other === chosen) ?? bestOf(groups, trigger?.query ?? '');
  const index = active ? mentions.indexOf(active) : 0;
  // After a space, it is not said that nothing is found: it may be just the next word.
  const isWord = !/\s/.test(trigger?.query ?? '');
  const move = (by: number): boolean => {
    const next = mentions[(index + by + mentions.length) % mentions.length];
    choose(next?.id ?? '');
    return next !== undefined;
  };
  return {
    id,
    groups,
    active,
    isOpen: trigger !== null && sources.length > 0 && (isWord || mentions.length > 0),
    isLoading,
    isOfPrompts: trigger?.sign === '/',
    setActive: mention => choose(mention.id),
    press: key => {
      switch (key) {
        case 'ArrowDown':
          return move(1);
        case 'ArrowUp':
          return move(-1);
        case 'Enter':
        case 'Tab':
          return active ?? false;
        default:
          return false;
      }
    }
  };
}

/** Filter what is offered; for as long as the query is the same, what is there keeps its place. */
function useSteadyOrder(all: readonly MentionGroup[], trigger: Trigger | null): MentionGroup[] {
  const sorted = useRef({ key: '', count: 0 });
  if (!trigger) {
    return [];
  }
  const key = `${trigger.sign}${trigger.start} ${trigger.query}`;
  if (sorted.current.key !== key || !sorted.current.count) {
    sorted.current = { key, count: all.length };
  }
  const { count } = sorted.current;
  const late = filtered(all.slice(count), trigger.query);
  return [...filtered(all.slice(0, count), trigger.query), ...late];
}

/**
 * What the sources offer, in their order; asked anew for each place where something is mentioned.
 * What takes long comes after what is there already.
 */
function useGroups(
  sources: readonly MentionSource[],
  trigger: Trigger | null
): { groups: readonly MentionGroup[]; isLoading: boolean } {
  const [found, setFound] = useState<{ groups: readonly MentionGroup[]; isLoading: boolean }>(NONE);
  useEffect(() => {
    setFound(NONE);
    if (!trigger) {
      return undefined;
    }
    let isCurrent = true;
    let isPatient = true;
    let left = sources.length;
    const arrived: { index: number; group: MentionGroup }[] = [];
    const show = (): void => {
      if (isPatient) {
        isPatient = false;
        arrived.sort((one, other) => one.index - other.index);
      }
      if (isCurrent) {
        setFound({ groups: arrived.map(({ group }) => group), isLoading: left > 0 });
      }
    };
    const timer = window.setTimeout(show, PATIENCE_MS);
    sources.forEach((source, index) => {
      groupOf(source).then(
        group => {
          left--;
          if (group) {
            arrived.push({ index, group });
          }
          if (!isPatient || !left) {
            show();
          }
        },
        () => undefined
      );
    });
    return () => {
      isCurrent = false;
      window.clearTimeout(timer);
    };
  }, [trigger?.sign, trigger?.start]);
  return found;
}

const NONE = { groups: [], isLoading: true };

async function groupOf(source: MentionSource): Promise<MentionGroup | null> {
  try {
    return await source.list();
  } catch (error) {
    return { label: '', mentions: [], note: sentenceOf(error) };
  }
}

/** The id of an option, for the text's `aria-activedescendant`. */
export function optionId(list: MentionList, mention: Mention): string {
  return `${list.id}-${mention.id.replace(/[^\w-]/g, '_')}`;
}

export function Mentions(props: {
  list: MentionList;
  words: Words;
  choose: (mention: Mention) => void;
}): JSX.Element | null {
  const { list, words, choose } = props;
  const node = useRef<HTMLDivElement>(null);
  const { active } = list;
  useLayoutEffect(() => {
    node.current?.querySelector('[aria-selected=true]')?.scrollIntoView({ block: 'nearest' });
  }, [active?.id]);
  if (!list.isOpen) {
    return null;
  }
  return (
    // The focus stays in the text, whatever is pressed here.
    <div
      class="aqueduct-mentions"
      ref={node}
      // What scrolls can be reached with the keyboard.
      tabIndex={0}
      onMouseDown={event => event.preventDefault()}
    >
      <div
        role="listbox"
        id={list.id}
        aria-label={list.isOfPrompts ? words.__('Prompts') : words.__('What can go along')}
      >
        {list.groups
          .filter(({ mentions }) => mentions.length)
          .map(group => (
            <div role="group" aria-label={group.label} key={group.label}>
              <h3 aria-hidden="true">{plainText(group.label)}</h3>
              {group.mentions.map(mention => (
                <Option key={mention.id} {...{ mention, list, choose }} />
              ))}
            </div>
          ))}
      </div>
      <div role="status">
        {list.groups.map(
          ({ note, label }) => note && <p key={label}>{[label, note].filter(Boolean).join(': ')}</p>
        )}
        {list.isLoading && <p>{words.__('Looking for more…')}</p>}
        {!list.isLoading && !list.groups.length && <p>{words.__('Nothing found')}</p>}
      </div>
    </div>
  );
}

function Option(props: {
  mention: Mention;
  list: MentionList;
  choose: (mention: Mention) => void;
}): JSX.Element {
  const { mention, list, choose } = props;
  return (
    <div
      role="option"
      id={optionId(list, mention)}
      class="aqueduct-mention"
      aria-selected={mention.id === list.active?.id}
      onPointerMove={() => list.setActive(mention)}
      onClick={() => choose(mention)}
    >
      <KindIcon kind={mention.kind} />
      <span>{plainText(mention.label)}</span>
      <small>{plainText(mention.detail)}</small>
    </div>
  );
}
