/** One turn on the page: the question, the answer, and the actions on both. */
import { Component, type JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';

import type { ChatModel } from '../model/chat';
import type { Words } from '../translation';
import type { Turn } from '../protocol-types';
import { copyText } from './clipboard';
import { IconButton } from './icons';
import { MarkdownView } from './markdown';
import { Proposal } from './proposal';
import { QuestionView } from './question';
import type { Typesetter } from './services';
import { Versions } from './versions';
import { Waiting } from './waiting';

interface TurnProps {
  turn: Turn;
  model: ChatModel;
  typesetter: Typesetter;
  words: Words;
  /** Whether a question can be asked now. */
  isReady: boolean;
}

/** One turn; rendered again only when it changes. */
export class TurnView extends Component<TurnProps> {
  override shouldComponentUpdate(next: TurnProps): boolean {
    return next.turn !== this.props.turn || next.isReady !== this.props.isReady;
  }

  override render({ turn, model, typesetter, words, isReady }: TurnProps): JSX.Element {
    return (
      <article class="aqueduct-turn" data-state={turn.state} aria-busy={turn.state === 'running'}>
        <QuestionView turn={turn} model={model} words={words} isReady={isReady} />
        <div class="aqueduct-answer">
          {turn.reasoning && <Reasoning turn={turn} words={words} />}
          {(turn.answer || turn.state === 'running') && (
            <AnswerText turn={turn} typesetter={typesetter} words={words} />
          )}
          <Proposal turn={turn} words={words} />
          {turn.state === 'running' && <Waiting turn={turn} model={model} words={words} />}
          {turn.state === 'failed' && <ErrorCard {...{ turn, model, words, isReady }} />}
          {isEmpty(turn) && <EmptyCard {...{ turn, model, words, isReady }} />}
          {turn.state !== 'running' && <Footer {...{ turn, model, words, isReady }} />}
        </div>
      </article>
    );
  }
}

function Reasoning({ turn, words }: { turn: Turn; words: Words }): JSX.Element {
  return (
    <details class="aqueduct-reasoning">
      <summary>{turn.answer ? words.__('Reasoning') : words.__('Thinking…')}</summary>
      <div>{turn.reasoning}</div>
    </details>
  );
}

function AnswerText({
  turn,
  typesetter,
  words
}: Pick<TurnProps, 'turn' | 'typesetter' | 'words'>): JSX.Element {
  const node = useRef<HTMLDivElement>(null);
  const view = useRef<MarkdownView | null>(null);
  useEffect(() => {
    view.current = new MarkdownView(node.current!, typesetter, words);
    return () => view.current?.dispose();
  }, []);
  useEffect(() => view.current?.show(turn.answer, turn.state !== 'running'));
  return <div class="aqueduct-markdown" ref={node} />;
}

function ErrorCard({ turn, model, words, isReady }: Omit<TurnProps, 'typesetter'>): JSX.Element {
  const hasLostFiles = turn.error_code === 'file_not_found';
  return (
    <div class="aqueduct-error" role="alert">
      <p>{turn.error}</p>
      <AskButton
        label={words.__('Try again')}
        act={() => model.again.ask(turn)}
        isReady={isReady}
      />
      {hasLostFiles && (
        <AskButton
          label={words.__('Ask without the files')}
          act={() => model.again.askWithoutFiles(turn)}
          isReady={isReady}
        />
      )}
      {turn.request_id && <small>{words.__('Request %1', turn.request_id)}</small>}
    </div>
  );
}

/** A button that asks something; it waits until a question can be asked. */
function AskButton(props: { label: string; act: () => void; isReady: boolean }): JSX.Element {
  const { label, act, isReady } = props;
  return (
    <button type="button" class="aqueduct-button" disabled={!isReady} onClick={act}>
      {label}
    </button>
  );
}

/** Whether a model has ended its answer without a word of it. */
function isEmpty({ state, answer }: Turn): boolean {
  return state === 'whole' && !answer.trim();
}

function EmptyCard({ turn, model, words, isReady }: Omit<TurnProps, 'typesetter'>): JSX.Element {
  return (
    <div class="aqueduct-notice" role="note">
      <p>{words.__('The model gave an empty answer.')}</p>
      <AskButton
        label={words.__('Ask again')}
        act={() => model.again.ask(turn)}
        isReady={isReady}
      />
    </div>
  );
}

function Footer({ turn, model, words, isReady }: Omit<TurnProps, 'typesetter'>): JSX.Element {
  const facts = [
    turn.model,
    turn.tokens_out === null ? null : words._n('%1 token', '%1 tokens', turn.tokens_out)
  ];
  const known = facts.filter(Boolean).join(' · ');
  // What happened is read in full; what is known may be cut where there is little room.
  const happened = [endingOf(turn, words), ...notesOf(turn, words)].filter(Boolean).join(' · ');
  return (
    <footer class="aqueduct-footer">
      {happened && <p>{happened}</p>}
      <span class="aqueduct-facts" title={known}>
        {known}
      </span>
      <span class="aqueduct-actions">
        {model.again.canContinue(turn) && (
          <AskButton
            label={words.__('Continue')}
            act={() => model.again.goOn(turn)}
            isReady={isReady}
          />
        )}
        <Versions turn={turn} model={model} words={words} isReady={isReady} />
        {turn.answer.trim() && (
          <IconButton
            icon="copy"
            label={words.__('Copy the answer')}
            act={() => {
              copyText(turn.answer, words).catch(model.complain);
            }}
          />
        )}
        {/* A card offers it already where there is nothing to keep. */}
        {turn.state !== 'failed' && !isEmpty(turn) && (
          <IconButton
            icon="repeat"
            label={words.__('Ask again')}
            act={() => model.again.ask(turn)}
            isDisabled={!isReady}
          />
        )}
      </span>
    </footer>
  );
}

/** The remarks on an answer. */
function notesOf({ notes, dropped_turns: dropped }: Turn, words: Words): string[] {
  if (!dropped) {
    return notes;
  }
  const said = words._n(
    'the oldest turn no longer fits and was left out',
    'the %1 oldest turns no longer fit and were left out',
    dropped
  );
  return [said, ...notes.slice(1)];
}

/** How an answer ended, if it did so early. */
function endingOf({ state, finish_reason, error_code }: Turn, words: Words): string | null {
  if (error_code === 'server_stopped') {
    return words.__('The server stopped while this answer was running');
  }
  if (state === 'stopped') {
    return words.__('stopped');
  }
  if (finish_reason === 'length') {
    return words.__('cut off at the most tokens');
  }
  return finish_reason === 'content_filter' ? words.__('ended by the filter') : null;
}
