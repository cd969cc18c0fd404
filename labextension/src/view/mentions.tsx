/**
 * The list of what can go along with a question, above the composer.
 *
 * The focus stays in the text: the list is moved through with the keys that are pressed there.
 */
import type { JSX } from 'preact';
import { useEffect, useId, useLayoutEffect, useRef, useState } from 'preact/hooks';

import {
  filtered,
  type Mention,
  type MentionGroup,
  type MentionSource,
  type Trigger
} from '../model/mentions';
import { plainText, sentenceOf } from '../model/plain-text';
import type { Words } from '../translation';
import { KindIcon } from './chips';

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
  const [chosen, choose] = useState('');
  const groups = trigger ? filtered(all, trigger.query) : [];
  const mentions = groups.flatMap(group => group.mentions);
  const index = Math.max(
    0,
    mentions.findIndex(mention => mention.id === chosen)
  );
  const move = (by: number): boolean => {
    const next = mentions[(index + by + mentions.length) % mentions.length];
    choose(next?.id ?? '');
    return next !== undefined;
  };
  return {
    id,
    groups,
    active: mentions[index] ?? null,
    isOpen: trigger !== null && sources.length > 0,
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
          return mentions[index] ?? false;
        default:
          return false;
      }
    }
  };
}

/** What the sources offer, as it arrives; asked anew for each place where something is mentioned. */
function useGroups(
  sources: readonly MentionSource[],
  trigger: Trigger | null
): { groups: MentionGroup[]; isLoading: boolean } {
  /** Null before the sources have been asked. */
  const [found, setFound] = useState<readonly (MentionGroup | null | undefined)[] | null>(null);
  useEffect(() => {
    if (!trigger) {
      setFound(null);
      return undefined;
    }
    let isCurrent = true;
    setFound(sources.map(() => undefined));
    sources.forEach((source, index) => {
      groupOf(source).then(
        group => {
          if (isCurrent) {
            setFound(groups => groups!.map((other, at) => (at === index ? group : other)));
          }
        },
        () => undefined
      );
    });
    return () => {
      isCurrent = false;
    };
  }, [trigger?.sign, trigger?.start]);
  return {
    groups: (found ?? []).filter(group => group !== null && group !== undefined),
    isLoading: found === null || found.includes(undefined)
  };
}

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
    <div class="aqueduct-mentions" ref={node} onMouseDown={event => event.preventDefault()}>
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
