/**
 * This file is the whole chat on the page: what was said, what went wrong, and the composer.
 *
 * It draws what the model holds and sends nothing itself. Around it is JupyterLab's sidebar or a
 * notebook's output; what those add is handed over as `header` and `sources`.
 */
import { render, type ComponentChildren, type JSX } from 'preact';
import { useEffect, useLayoutEffect, useReducer, useRef, useState } from 'preact/hooks';

import type { ChatModel } from '../model/chat';
import { plainText } from '../model/plain-text';
import type { Words } from '../translation';
import type { Context, Turn } from '../words';
import { Composer, type ContextSource } from './composer';
import { IconButton } from './icons';
import type { Typesetter } from './services';
import { TurnView } from './turn';

export interface ChatProps {
  model: ChatModel;
  words: Words;
  typesetter: Typesetter;
  sources?: readonly ContextSource[];
  header?: ComponentChildren;
}

/** Pixels from the end within which a reader is taken to be at the end. */
const NEAR_END = 40;

/** Characters of an answer that are read aloud when it is over. */
const ANNOUNCED = 400;

/** Draw a chat into an element; gives the function that takes it away. */
export function showChat(node: HTMLElement, props: ChatProps): () => void {
  render(<Chat {...props} />, node);
  return () => render(null, node);
}

export function Chat({ model, words, typesetter, sources = [], header }: ChatProps): JSX.Element {
  const [, draw] = useReducer((count: number) => count + 1, 0);
  // Not after the paint, as other effects: what happens in between would not be drawn.
  useLayoutEffect(() => model.changed.connect(() => draw(null)), [model]);
  useEffect(() => typesetter.prepare?.(), [typesetter]);
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
    <section class="aqueduct-chat" aria-label={words.__('Chat')} onKeyDown={onKeyDown}>
      {header}
      <Transcript {...{ model, words, typesetter, sources }} />
      {model.trouble && (
        <div class="aqueduct-error aqueduct-trouble" role="alert">
          <p>{model.trouble}</p>
          <IconButton
            icon="close"
            label={words.__('Put away')}
            act={() => model.dismissTrouble()}
          />
        </div>
      )}
      <Composer model={model} words={words} sources={sources} />
      <Announcer model={model} words={words} />
    </section>
  );
}

function Transcript({ model, words, typesetter, sources }: Omit<ChatProps, 'header'>): JSX.Element {
  const node = useRef<HTMLDivElement>(null);
  const isAtEnd = useRef(true);
  useStickToEnd(node, isAtEnd, model.turns);
  const hasNoModel = model.setup !== null && !model.models.length;
  return (
    <div
      class="aqueduct-transcript"
      ref={node}
      role="log"
      aria-live="off"
      aria-label={words.__('Conversation')}
      tabIndex={0}
      onScroll={({ currentTarget: area }) => {
        isAtEnd.current = area.scrollHeight - area.scrollTop - area.clientHeight < NEAR_END;
      }}
    >
      {(hasNoModel || !model.turns.length) && <Notices model={model} words={words} />}
      {!model.turns.length && !hasNoModel && <Empty {...{ model, words, sources }} />}
      {model.turns.map(turn => (
        <TurnView key={turn.id} {...{ turn, model, typesetter, words }} isReady={model.isReady} />
      ))}
    </div>
  );
}

/** Keep the newest words in sight for a reader who was at the end; others are left where they are. */
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
    const mutations = new MutationObserver(() => {
      observer.disconnect();
      observer.observe(node.current!);
      [...node.current!.children].forEach(child => observer.observe(child));
    });
    mutations.observe(node.current!, { childList: true });
    return () => {
      observer.disconnect();
      mutations.disconnect();
    };
  }, []);
  const count = turns.length;
  useLayoutEffect(() => {
    // A new question is the user's own: show it, wherever they were.
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
    "No model answers. Ask your administrator, or run 'jupyter aqueduct doctor' in a terminal."
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
  const suggestions = sources.some(({ suggestion }) => suggestion)
    ? sources.flatMap(source => (source.suggestion ? [source] : []))
    : [
        { suggestion: words.__('Write a function that reads a CSV file and shows its columns') },
        { suggestion: words.__('Show a bar chart with matplotlib, with labels on the axes') },
        { suggestion: words.__('What is the difference between a list and a tuple?') }
      ];
  const draft = (suggestion: string, context: Context | null | undefined): void => {
    if (context) {
      model.addContext(context);
    }
    model.drafted.emit(suggestion);
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

/** Says politely, to those who listen, that an answer is there. */
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
