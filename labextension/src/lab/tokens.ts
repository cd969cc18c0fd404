/** What the chat plugin offers to the other plugins, each of which can be disabled. */
import type { Token as LuminoToken } from '@lumino/coreutils';
import { Token } from '@lumino/coreutils';

import type { Api } from '../carriers/api';
import type { ServerCarrier } from '../carriers/server';
import type { ChatModel } from '../model/chat';
import type { ContextSource } from '../model/mentions';
import type { Words } from '../translation';
import type { Context } from '../protocol-types';
import type { Notebooks } from './notebooks';

/** The chat in the sidebar. */
export interface IChat {
  readonly model: ChatModel;
  readonly carrier: ServerCarrier;
  readonly api: Api;
  readonly words: Words;
  /** The element of the sidebar, whether the chat is drawn in it yet or not. */
  readonly node: HTMLElement;
  /** Add something from the notebook that can be attached. */
  addSource(source: ContextSource): void;
  /** Show the chat and focus its input. */
  reveal(): void;
  /** Ask immediately, with context from the notebook. */
  ask(prompt: string, contexts: readonly Context[]): void;
}

export const IChat: LuminoToken<IChat> = new Token<IChat>(
  'aqueduct-jupyter:IChat',
  'The chat in the sidebar: its model, its attachments, and asking.'
);

export const INotebooks: LuminoToken<Notebooks> = new Token<Notebooks>(
  'aqueduct-jupyter:INotebooks',
  'Changes of the notebook in front.'
);

export const COMMANDS = {
  open: 'aqueduct:open-chat',
  begin: 'aqueduct:new-conversation',
  ask: 'aqueduct:ask-about-cell',
  explain: 'aqueduct:explain-error',
  improve: 'aqueduct:improve-cell',
  document: 'aqueduct:document-cell',
  insert: 'aqueduct:insert-answer',
  propose: 'aqueduct:propose-changes'
} as const;
