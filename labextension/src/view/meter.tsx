/** How full the model's context will be: unseen until half of it is, and a warning near its end. */
import type { JSX } from 'preact';

import { rounded, type Fullness } from '../model/weight';
import type { Words } from '../translation';

/** From where on the meter is shown, and from where on it warns. */
const SHOWN = 0.5;
const FULL = 0.9;

/** Tokens from which on their number is shown where the model's limit is not known. */
const MANY = 4000;

export function Meter(props: { fullness: Fullness; words: Words }): JSX.Element | null {
  const { fullness, words } = props;
  const tokens = rounded(fullness.tokens).toLocaleString();
  if (fullness.most === null) {
    return fullness.tokens < MANY ? null : (
      <div class="aqueduct-meter">
        <span>{words.__('about %1 tokens', tokens)}</span>
      </div>
    );
  }
  const share = fullness.tokens / fullness.most;
  if (share < SHOWN) {
    return null;
  }
  const percent = Math.min(100, Math.round(share * 100));
  const most = fullness.most.toLocaleString();
  return (
    <div class={share > FULL ? 'aqueduct-meter aqueduct-full' : 'aqueduct-meter'}>
      <div
        role="meter"
        aria-label={words.__('How full the model’s context will be')}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={percent}
      >
        <div style={{ width: `${percent}%` }} />
      </div>
      <span>{words.__('about %1 of %2 tokens', tokens, most)}</span>
      <span role="status">
        {share > FULL &&
          (share > 1
            ? words.__(
                'This is more than the model can take. Begin a new conversation, or attach less.'
              )
            : words.__('The model’s context is almost full.'))}
      </span>
    </div>
  );
}
