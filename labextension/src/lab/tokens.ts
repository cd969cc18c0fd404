/** This file is what the chat's plugin offers to the others, each of which can be switched off. */
import type { Token as LuminoToken } from '@lumino/coreutils';
import { Token } from '@lumino/coreutils';

import type { Api } from '../carriers/api';
import type { ServerCarrier } from '../carriers/server';
import type { ChatModel } from '../model/chat';
import type { Words } from '../translation';
import type { ContextSource } from '../view/composer';
import type { Context } from '../words';

/** The chat in the sidebar. */
export interface IChat {
  readonly model: ChatModel;
  readonly carrier: ServerCarrier;
  readonly api: Api;
  readonly words: Words;
  /** Offer something of the notebook that can be attached. */
  addSource(source: ContextSource): void;
  /** Bring the chat to the front, and put the cursor where words are written. */
  reveal(): void;
  /** Ask at once, with something of the notebook. */
  ask(prompt: string, contexts: readonly Context[]): void;
}

export const IChat: LuminoToken<IChat> = new Token<IChat>(
  'aqueduct-jupyter:IChat',
  'The chat in the sidebar: its model, what can be attached, and asking.'
);

export const COMMANDS = {
  open: 'aqueduct:open-chat',
  begin: 'aqueduct:new-conversation',
  ask: 'aqueduct:ask-about-cell',
  explain: 'aqueduct:explain-error',
  improve: 'aqueduct:improve-cell',
  document: 'aqueduct:document-cell',
  insert: 'aqueduct:insert-answer'
} as const;
