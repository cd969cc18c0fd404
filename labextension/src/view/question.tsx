/** The question of a turn: what went along, its words, of which a long one shows the first lines. */
import type { JSX } from 'preact';
import { useMemo, useState } from 'preact/hooks';

import type { ChatModel } from '../model/chat';
import { beginningOf } from '../model/plain-text';
import type { Turn } from '../protocol-types';
import type { Words } from '../translation';
import { IconButton } from './icons';
import { SentChips } from './sent-chips';

/** What is shown of a long question, and how much longer it must be to be worth folding. */
const LINES = 10;
const CHARACTERS = 1200;
const MORE = 1.5;

interface QuestionProps {
  turn: Turn;
  model: ChatModel;
  words: Words;
  isReady: boolean;
}

export function QuestionView({ turn, model, words, isReady }: QuestionProps): JSX.Element {
  return (
    <div class="aqueduct-question">
      <SentChips turn={turn} model={model} words={words} />
      <Prompt prompt={turn.prompt} words={words} />
      <div class="aqueduct-actions">
        <IconButton
          icon="edit"
          label={words.__('Edit and send again')}
          act={() => model.edit(turn)}
          isDisabled={!isReady}
        />
        <IconButton
          icon="remove"
          label={words.__('Delete this question and its answer')}
          act={() => model.back.remove(turn)}
          isDisabled={turn.state === 'running'}
        />
      </div>
    </div>
  );
}

function Prompt({ prompt, words }: { prompt: string; words: Words }): JSX.Element {
  const [isWhole, setWhole] = useState(false);
  const first = useMemo(() => firstOf(prompt), [prompt]);
  return (
    <>
      <div class="aqueduct-prompt">{first === null || isWhole ? prompt : `${first}…`}</div>
      {first !== null && (
        <button
          type="button"
          class="aqueduct-button aqueduct-fold"
          aria-expanded={isWhole}
          onClick={() => setWhole(!isWhole)}
        >
          {isWhole ? words.__('Show less') : words.__('Show all')}
        </button>
      )}
    </>
  );
}

/** The first lines of a text that is much longer; otherwise null. */
function firstOf(text: string): string | null {
  const end = endOfLine(text, LINES);
  if (end > CHARACTERS) {
    return text.length > CHARACTERS * MORE ? beginningOf(text, CHARACTERS) : null;
  }
  return endOfLine(text, LINES * MORE) < text.length ? text.slice(0, end) : null;
}

/** Where a line ends, counted from 1; the text's length if it has fewer. */
function endOfLine(text: string, line: number): number {
  let end = -1;
  for (let passed = 0; passed < line; passed++) {
    end = text.indexOf('\n', end + 1);
    if (end < 0) {
      return text.length;
    }
  }
  return end;
}
