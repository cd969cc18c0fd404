/** What is shown while a model says nothing: for how long, and the way to stop it. */
import type { JSX } from 'preact';
import { useEffect, useReducer, useRef } from 'preact/hooks';

import type { ChatModel } from '../model/chat';
import { plainText } from '../model/plain-text';
import type { Turn } from '../protocol-types';
import type { Words } from '../translation';

/** Seconds of silence after which it is said: before the first word, and between two. */
const SILENT_FIRST = 3;
const SILENT_LATER = 10;

/** The most seconds that a page believes a turn's own time, which is another clock's. */
const LONGEST = 3600;

interface WaitingProps {
  turn: Turn;
  model: ChatModel;
  words: Words;
}

/** Shown at the end of a running turn; it says nothing while words keep coming. */
export function Waiting({ turn, model, words }: WaitingProps): JSX.Element | null {
  const [, draw] = useReducer((count: number) => count + 1, 0);
  const size = turn.answer.length + turn.reasoning.length;
  const since = useRef({ size, time: begunAt(turn, size) });
  if (since.current.size !== size) {
    since.current = { size, time: Date.now() / 1000 };
  }
  useEffect(() => {
    const timer = setInterval(() => draw(null), 1000);
    return () => clearInterval(timer);
  }, []);
  const seconds = Math.floor(Date.now() / 1000 - since.current.time);
  const isSilent = seconds >= (size ? SILENT_LATER : SILENT_FIRST);
  const name = plainText(turn.model ?? model.model) || words.__('the model');
  return (
    <p class="aqueduct-silence">
      {!turn.answer && (
        <span class="aqueduct-waiting" role="img" aria-label={words.__('Waiting for the model')} />
      )}
      {isSilent && (
        <>
          <span>{words.__('Waiting for %1 · %2 s', name, seconds)}</span>
          <button type="button" class="aqueduct-button" onClick={() => model.stop()}>
            {words.__('Stop')}
          </button>
        </>
      )}
    </p>
  );
}

/** When the silence began, in seconds since 1970: a page that was loaded again asks the turn. */
function begunAt(turn: Turn, size: number): number {
  const now = Date.now() / 1000;
  const isBelieved = !size && turn.time <= now && turn.time > now - LONGEST;
  return isBelieved ? turn.time : now;
}
