/**
 * This file joins the chat to a notebook's widget: one model for all of its views.
 *
 * Beside a live panel, the conversation that is kept in the notebook for readers without a kernel
 * is hidden.
 */
import type { AnyModel, InitializeProps, RenderProps } from '@anywidget/types';

import { KernelCarrier, type Channel, type KernelMessage } from '../carriers/kernel';
import { ChatModel } from '../model/chat';
import { showChat } from '../view/chat';
import { ENGLISH, pageServices } from '../view/services';
import { widgetTypesetter } from './typesetting';

interface State {
  /** Pixels. */
  height: number;
  model: string;
  /** The class of the kept conversation's output. */
  transcript: string;
}

const chats = new WeakMap<AnyModel<State>, ChatModel>();

function channelOf(model: AnyModel<State>): Channel {
  return {
    send: (message, buffers) => model.send(message, undefined, buffers),
    onMessage: listener => {
      const take = (message: KernelMessage): void => listener(message);
      model.on('msg:custom', take);
      return () => model.off('msg:custom', take);
    }
  };
}

function chatOf(model: AnyModel<State>): ChatModel {
  let chat = chats.get(model);
  if (!chat) {
    chat = new ChatModel(new KernelCarrier(channelOf(model)), model.get('model') || null);
    chats.set(model, chat);
  }
  return chat;
}

function initialize({ model }: InitializeProps<State>): () => void {
  chatOf(model);
  return () => {
    chats.get(model)?.dispose();
    chats.delete(model);
  };
}

function render({ model, el }: RenderProps<State>): () => void {
  const chat = chatOf(model);
  const page = el.getRootNode() as Document | ShadowRoot;
  const style = document.createElement('style');
  const kept = `.${CSS.escape(model.get('transcript'))}`;
  style.textContent = `${kept}, .jp-OutputArea-child:has(${kept}) { display: none; }`;
  ('head' in page ? page.head : page).append(style);
  // The element itself belongs to ipywidgets' layout, which sets its style anew.
  const node = document.createElement('div');
  node.className = 'aqueduct-widget';
  // The notebook around would take Enter for its own.
  node.dataset.lmSuppressShortcuts = 'true';
  el.append(node);
  const resize = (): void => {
    node.style.height = `${model.get('height')}px`;
  };
  resize();
  model.on('change:height', resize);
  const { typesetter = widgetTypesetter } = pageServices();
  const takeAway = showChat(node, { model: chat, words: ENGLISH, typesetter });
  return () => {
    model.off('change:height', resize);
    takeAway();
    node.remove();
    style.remove();
  };
}

export default { initialize, render };
