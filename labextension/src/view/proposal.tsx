/** Below an answer that proposes changes of the notebook: how many, and the way to see them. */
import type { JSX } from 'preact';
import { useMemo } from 'preact/hooks';

import { changesIn } from '../model/changes';
import type { Turn } from '../protocol-types';
import type { Words } from '../translation';
import { pageServices } from './services';

export function Proposal({ turn, words }: { turn: Turn; words: Words }): JSX.Element | null {
  const { proposals } = pageServices();
  const isOver = turn.state !== 'running';
  const count = useMemo(() => (isOver ? changesIn(turn.answer).length : 0), [turn.answer, isOver]);
  if (!proposals || !count) {
    return null;
  }
  return (
    <div class="aqueduct-notice aqueduct-proposal">
      <p>{words._n('%1 change is proposed.', '%1 changes are proposed.', count)}</p>
      <button type="button" class="aqueduct-button" onClick={() => proposals.review(turn)}>
        {words.__('Show in the notebook')}
      </button>
    </div>
  );
}
