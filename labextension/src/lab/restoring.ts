/** The open conversation and the chosen model, kept over a reload of the page. */
import type { IStateDB } from '@jupyterlab/statedb';

import { objectIn, textIn } from '../carriers/json';
import type { ServerCarrier } from '../carriers/server';
import type { ChatModel } from '../model/chat';

/** Take up what was kept under a key, and keep it from now on. */
export async function restore(
  model: ChatModel,
  carrier: ServerCarrier,
  state: IStateDB,
  key: string
): Promise<void> {
  const kept = objectIn(await state.fetch(key));
  // Whoever was faster than this has chosen, asked or opened something newer.
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
