/** Going back: to other versions of a turn, and to before a turn was deleted. */
import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';

import type { ChatModel } from '../model/chat';
import type { Turn } from '../protocol-types';
import type { Words } from '../translation';

/** How long *Undo* is offered. */
const UNDO_MS = 20_000;

interface VersionsProps {
  turn: Turn;
  model: ChatModel;
  words: Words;
  isReady: boolean;
}

/** Which version of a turn this is, and the way to the others; nothing if there is only one. */
export function Versions({ turn, model, words, isReady }: VersionsProps): JSX.Element | null {
  const { version, versions } = turn;
  if (versions < 2) {
    return null;
  }
  const step = (by: number, label: string, face: string): JSX.Element => {
    const to = version + by;
    return (
      <button
        type="button"
        class="aqueduct-icon-button"
        aria-label={label}
        title={label}
        disabled={!isReady || to < 0 || to >= versions}
        onClick={() => model.back.showVersion(turn, to)}
      >
        {face}
      </button>
    );
  };
  const number = version + 1;
  return (
    <span
      class="aqueduct-versions"
      role="group"
      aria-label={words.__('Version %1 of %2', number, versions)}
    >
      {step(-1, words.__('Previous version'), '‹')}
      <span aria-hidden="true">{`${number}/${versions}`}</span>
      {step(1, words.__('Next version'), '›')}
    </span>
  );
}

/** Offers for a while to put back the turn that was deleted last. */
export function Undo({
  model,
  words
}: Omit<VersionsProps, 'turn' | 'isReady'>): JSX.Element | null {
  const { removed } = model.back;
  useEffect(() => {
    if (removed) {
      const timer = setTimeout(() => model.back.forget(), UNDO_MS);
      return () => clearTimeout(timer);
    }
    return undefined;
  }, [model, removed]);
  if (!removed) {
    return null;
  }
  return (
    <p class="aqueduct-undo" role="status">
      {words.__('The question was deleted.')}
      <button type="button" class="aqueduct-button" onClick={() => model.back.undo()}>
        {words.__('Undo')}
      </button>
    </p>
  );
}
