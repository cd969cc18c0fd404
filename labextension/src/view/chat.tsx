/**
 * The whole chat on the page: the conversation, errors, and the composer.
 *
 * It renders the model and sends nothing itself. It is inside JupyterLab's sidebar or a notebook's
 * output, which can add `header`, `tools` and `sources`.
 */
import { render, type ComponentChildren, type JSX } from 'preact';
import { useEffect, useLayoutEffect, useReducer, useRef, useState } from 'preact/hooks';

import type { ChatModel } from '../model/chat';
import type { ContextSource } from '../model/mentions';
import { plainText } from '../model/plain-text';
import type { Words } from '../translation';
import type { Context, Turn } from '../protocol-types';
import { Composer } from './composer';
import { useDrawnTurns } from './drawn-turns';
import { useDrop } from './drop';
import { IconButton } from './icons';
import { QueueView } from './queue';
import type { Typesetter } from './services';
import { TurnView } from './turn';
import { Undo } from './versions';
import { warmUp } from './warm-up';

export interface ChatProps {
  model: ChatModel;
  words: Words;
  typesetter: Typesetter;
  sources?: readonly ContextSource[];
  header?: ComponentChildren;
  /** What it is on the page: a part of it by default, or one of several groups, such as outputs. */
  role?: 'group';
  /** Shown in the composer, beside the model. */
  tools?: ComponentChildren;
  /** Shown where there is no model yet: in the place of questions, and below them. */
  setUp?: ComponentChildren;
}

/** Pixels from the end within which a reader counts as being at the end. */
const NEAR_END = 40;

/** Characters of an answer that a screen reader announces when it has ended. */
const ANNOUNCED = 400;

/** Render a chat into an element; returns a function that removes it. */
export function showChat(node: HTMLElement, props: ChatProps): () => void {
  render(<Chat {...props} />, node);
  return () => render(null, node);
}

export function Chat(props: ChatProps): JSX.Element {
  const { model, words, typesetter, sources = [], header, tools, setUp, role } = props;
  const [, draw] = useReducer((count: number) => count + 1, 0);
  // A layout effect, because changes between the paint and a normal effect would be missed.
  useLayoutEffect(() => model.changed.connect(() => draw(null)), [model]);
  useEffect(() => warmUp(typesetter, words), [typesetter]);
  const node = useRef<HTMLElement>(null);
  useDrop(node, model);
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key !== 'Escape') {
      return;
    }
    if (model.isRunning) {
      model.stop();
    } else if (model.editing) {
      model.edit(null);
    }
  };
  return (
    <section
      class="aqueduct-chat"
      ref={node}
      role={role}
      aria-label={words.__('Chat')}
      onKeyDown={onKeyDown}
    >
      {header}
      <Transcript {...{ model, words, typesetter, sources, setUp }} />
      {needsModel(props) && model.turns.length > 0 && (
        <aside class="aqueduct-slim" aria-label={words.__('No model is set up')}>
          {setUp}
        </aside>
      )}
      {model.trouble && (
        <div class="aqueduct-error aqueduct-trouble" role="alert">
          <p>{model.trouble}</p>
          <IconButton icon="close" label={words.__('Dismiss')} act={() => model.dismissTrouble()} />
        </div>
      )}
      {model.isCutOff && (
        <p class="aqueduct-cut-off" role="status">
          {words.__('Reconnecting…')}
        </p>
      )}
      <Undo model={model} words={words} />
      <QueueView model={model} words={words} />
      <Composer model={model} words={words} tools={tools} />
      <Announcer model={model} words={words} />
    </section>
  );
}

function needsModel({ model, setUp }: Pick<ChatProps, 'model' | 'setUp'>): boolean {
  return model.setup?.needs_model === true && setUp !== undefined;
}

function Transcript(props: Omit<ChatProps, 'header'>): JSX.Element {
  const { model, words, typesetter, sources, setUp } = props;
  const node = useRef<HTMLDivElement>(null);
  const isAtEnd = useRef(true);
  const top = useRef(0);
  const [isAway, setAway] = useState(false);
  useStickToEnd(node, isAtEnd, model.turns);
  const turns = useDrawnTurns(model.turns);
  const hasNoModel = model.setup !== null && !model.choice.models.length;
  return (
    <div
      class="aqueduct-transcript"
      ref={node}
      role="log"
      aria-live="off"
      aria-label={words.__('Conversation')}
      tabIndex={0}
      onScroll={({ currentTarget: area }) => {
        const isNear = area.scrollHeight - area.scrollTop - area.clientHeight < NEAR_END;
        // Only a reader moves up; text that grew since the last scroll leaves the end behind.
        isAtEnd.current = isNear || (isAtEnd.current && area.scrollTop >= top.current);
        top.current = area.scrollTop;
        setAway(!isAtEnd.current);
      }}
    >
      {(hasNoModel || !model.turns.length) && <Notices model={model} words={words} />}
      {!model.turns.length &&
        (needsModel(props) ? setUp : !hasNoModel && <Empty {...{ model, words, sources }} />)}
      {turns.map(turn => (
        <TurnView key={turn.id} {...{ turn, model, typesetter, words }} isReady={model.isReady} />
      ))}
      {isAway && (
        <button
          type="button"
          class="aqueduct-button aqueduct-newest"
          onClick={() => {
            node.current!.scrollTop = node.current!.scrollHeight;
          }}
        >
          {words.__('Jump to the newest')}
        </button>
      )}
    </div>
  );
}

/** Scroll with new text if the reader is at the end; otherwise do not move. */
function useStickToEnd(
  node: { current: HTMLDivElement | null },
  isAtEnd: { current: boolean },
  turns: readonly Turn[]
): void {
  useEffect(() => {
    const observer = new ResizeObserver(() => {
      if (isAtEnd.current && node.current) {
        node.current.scrollTop = node.current.scrollHeight;
      }
    });
    const observe = (parts: Iterable<Node>): void =>
      [...parts].forEach(part => part instanceof Element && observer.observe(part));
    observer.observe(node.current!);
    // The turns may be there already, in a sidebar that is about to be shown.
    observe(node.current!.children);
    // Only what is new: observing all again would take longer with every turn of a conversation.
    const mutations = new MutationObserver(changes =>
      changes.forEach(({ addedNodes, removedNodes }) => {
        removedNodes.forEach(part => part instanceof Element && observer.unobserve(part));
        observe(addedNodes);
      })
    );
    mutations.observe(node.current!, { childList: true });
    return () => {
      observer.disconnect();
      mutations.disconnect();
    };
  }, []);
  const count = turns.length;
  useLayoutEffect(() => {
    // A new question is the user's own, so always show it.
    isAtEnd.current = true;
    node.current!.scrollTop = node.current!.scrollHeight;
  }, [count]);
}

function Notices({ model, words }: Pick<ChatProps, 'model' | 'words'>): JSX.Element | null {
  const { setup } = model;
  if (!setup || (!setup.notices.length && setup.models.length)) {
    return null;
  }
  const nothing = words.__(
    "No model is available. Ask your administrator, or run 'jupyter aqueduct doctor' in a terminal."
  );
  return (
    <div class="aqueduct-notice" role="note">
      {(setup.notices.length ? setup.notices : [nothing]).map(notice => (
        <p key={notice}>{notice}</p>
      ))}
    </div>
  );
}

function Empty({ model, words, sources = [] }: Omit<ChatProps, 'typesetter'>): JSX.Element {
  // What has nothing to go along now would be a question about nothing.
  const there = sources.filter(source => source.suggestion && source.isThere());
  const suggestions = there.length
    ? there
    : [
        { suggestion: words.__('Write a function that reads a CSV file and shows its columns') },
        { suggestion: words.__('Show a bar chart with matplotlib, with labels on the axes') },
        { suggestion: words.__('What is the difference between a list and a tuple?') }
      ];
  const draft = (suggestion: string, context: Context | null | undefined): void => {
    if (context) {
      model.draft.add(context);
    }
    model.drafts.offer(suggestion);
  };
  return (
    <div class="aqueduct-empty">
      <h2>{words.__('Ask about your data, your code, a document')}</h2>
      <p>{words.__('Attach files or paste an image. The keys stay on the server.')}</p>
      <ul>
        {suggestions.map(({ suggestion = '', ...source }) => (
          <li key={suggestion}>
            <button
              type="button"
              class="aqueduct-button"
              onClick={() => draft(suggestion, 'take' in source ? source.take() : null)}
            >
              {suggestion}
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
}

/** Announces to screen readers, politely, that an answer has ended. */
function Announcer({ model, words }: Pick<ChatProps, 'model' | 'words'>): JSX.Element {
  const [said, say] = useState('');
  useLayoutEffect(
    () =>
      model.ended.connect(({ state, answer }) => {
        const isWhole = state === 'whole';
        const text = plainText(answer, ANNOUNCED);
        say(isWhole ? words.__('Answer: %1', text) : words.__('The answer ended early: %1', text));
      }),
    [model]
  );
  return (
    <div role="status" class="aqueduct-unseen">
      {said}
    </div>
  );
}
