/** The open conversation and the chosen model, restored after a page reload. */
import type { IStateDB } from '@jupyterlab/statedb';

import { objectIn, textIn } from '../carriers/json';
import type { ServerCarrier } from '../carriers/server';
import type { ChatModel } from '../model/chat';
import type { Shelf } from '../model/drafts';

/**
 * Restore the state saved under a key, and save it from now on.
 *
 * @param shelf - has what was not sent yet
 */
export async function restore(
  model: ChatModel,
  carrier: ServerCarrier,
  state: IStateDB,
  key: string,
  shelf: Shelf
): Promise<void> {
  const kept = objectIn(await state.fetch(key));
  // If the user has already chosen, asked or opened something, that takes precedence.
  if (textIn(kept.model) && !model.choice.isChosen) {
    model.choice.choose(textIn(kept.model));
  }
  if (textIn(kept.id) && carrier.isUntouched) {
    const { draft } = model;
    await carrier.open(textIn(kept.id)).catch(carrier.complain);
    // What was begun meanwhile belongs to the conversation that the user waited for.
    model.drafts.adopt(draft);
  }
  model.drafts.use(shelf);
  // While this page was loading, another tab may have sent what waits in both.
  model.queue.leaveOut(model.turns.map(({ id }) => id));
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
