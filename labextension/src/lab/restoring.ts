/** The open conversation and the chosen model, restored after a page reload. */
import type { IStateDB } from '@jupyterlab/statedb';

import { objectIn, textIn } from '../carriers/json';
import type { ServerCarrier } from '../carriers/server';
import type { ChatModel } from '../model/chat';

/** Restore the state saved under a key, and save it from now on. */
export async function restore(
  model: ChatModel,
  carrier: ServerCarrier,
  state: IStateDB,
  key: string
): Promise<void> {
  const kept = objectIn(await state.fetch(key));
  // If the user has already chosen, asked or opened something, that takes precedence.
  if (textIn(kept.model) && !model.isChosen) {
    model.choose(textIn(kept.model));
  }
  if (textIn(kept.id) && carrier.isUntouched) {
    await carrier.open(textIn(kept.id)).catch(carrier.complain);
  }
  let saved = '';
  model.changed.connect(() => {
    const now = { id: carrier.current.id, model: model.model };
    if (JSON.stringify(now) !== saved) {
      saved = JSON.stringify(now);
      state.save(key, now).catch(carrier.complain);
    }
  });
  carrier.opened.connect(() => model.changed.emit());
}
