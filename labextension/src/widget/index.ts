/**
 * This file joins the chat to a notebook's widget: one model for all of its views.
 *
 * Beside a live panel, the conversation that is kept in the notebook for readers without a kernel
 * is hidden.
 */
import type { AnyModel, InitializeProps, RenderProps } from '@anywidget/types';

import { KernelCarrier, type Channel } from '../carriers/kernel';
import { ChatModel } from '../model/chat';
import { ENGLISH } from '../translation';
import { showChat } from '../view/chat';
import { pageServices } from '../view/services';
import { widgetTypesetter } from './typesetting';

interface State {
  /** Pixels. */
  height: number;
  model: string;
  /** The class of the kept conversation's output. */
  transcript: string;
}

/** The class of a kept conversation: a saved notebook may name another one. */
const TRANSCRIPT = /^aqueduct-transcript-[\w-]+$/;

const chats = new WeakMap<AnyModel<State>, ChatModel>();

function channelOf(model: AnyModel<State>): Channel {
  return {
    send: (message, buffers) => model.send(message, undefined, buffers),
    onMessage: listener => {
      model.on('msg:custom', listener);
      return () => model.off('msg:custom', listener);
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

/** Give the style that hides a kept conversation, and nothing else of the page. */
function hiding(transcript: string): string {
  return TRANSCRIPT.test(transcript)
    ? `.${transcript}, .jp-OutputArea-child:has(.${transcript}) { display: none; }`
    : '';
}

function render({ model, el }: RenderProps<State>): () => void {
  const chat = chatOf(model);
  const page = el.getRootNode() as Document | ShadowRoot;
  const style = document.createElement('style');
  style.textContent = hiding(model.get('transcript'));
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
