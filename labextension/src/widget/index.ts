/**
 * The chat as a notebook widget: one model for all of its views.
 *
 * A live panel hides the transcript that the notebook keeps for readers without a kernel.
 */
import type { AnyModel, InitializeProps, RenderProps } from '@anywidget/types';
import { h } from 'preact';

import { KernelCarrier, type Channel } from '../carriers/kernel';
import { ChatModel } from '../model/chat';
import { ENGLISH } from '../translation';
import { showChat } from '../view/chat';
import { pageServices } from '../view/services';
import { offerMentions } from './mentions';
import { PanelParameters } from './parameters';
import { widgetTypesetter } from './typesetting';

interface State {
  /** Pixels. */
  height: number;
  model: string;
  /** The CSS class of the transcript's output. */
  transcript: string;
}

/** The form of a transcript's class; a saved notebook could contain anything else. */
const TRANSCRIPT = /^aqueduct-transcript-[\w-]+$/;

interface Panel {
  chat: ChatModel;
  carrier: KernelCarrier;
}

const panels = new WeakMap<AnyModel<State>, Panel>();

function channelOf(model: AnyModel<State>): Channel {
  return {
    send: (message, buffers) => model.send(message, undefined, buffers),
    onMessage: listener => {
      model.on('msg:custom', listener);
      return () => model.off('msg:custom', listener);
    }
  };
}

function panelOf(model: AnyModel<State>): Panel {
  let panel = panels.get(model);
  if (!panel) {
    const carrier = new KernelCarrier(channelOf(model));
    const chat = new ChatModel(carrier, model.get('model') || null);
    offerMentions(chat, carrier, ENGLISH);
    carrier.kept.connect(({ html, text }) => {
      const mark = model.get('transcript');
      if (TRANSCRIPT.test(mark)) {
        pageServices().transcripts?.keep(mark, { 'text/html': html, 'text/plain': text });
      }
    });
    panel = { chat, carrier };
    panels.set(model, panel);
  }
  return panel;
}

function initialize({ model }: InitializeProps<State>): () => void {
  panelOf(model);
  return () => {
    panels.get(model)?.chat.dispose();
    panels.delete(model);
  };
}

/** Return the style that hides the transcript, and nothing else on the page. */
function hiding(transcript: string): string {
  return TRANSCRIPT.test(transcript)
    ? `.${transcript}, .jp-OutputArea-child:has(.${transcript}) { display: none; }`
    : '';
}

function render({ model, el }: RenderProps<State>): () => void {
  const { chat, carrier } = panelOf(model);
  const page = el.getRootNode() as Document | ShadowRoot;
  const style = document.createElement('style');
  style.textContent = hiding(model.get('transcript'));
  ('head' in page ? page.head : page).append(style);
  // The element itself belongs to ipywidgets' layout, which resets its style.
  const node = document.createElement('div');
  node.className = 'aqueduct-widget';
  // Otherwise the surrounding notebook would handle Enter.
  node.dataset.lmSuppressShortcuts = 'true';
  el.append(node);
  const resize = (): void => {
    node.style.height = `${model.get('height')}px`;
  };
  resize();
  model.on('change:height', resize);
  const { typesetter = widgetTypesetter } = pageServices();
  const takeAway = showChat(node, {
    model: chat,
    words: ENGLISH,
    typesetter,
    role: 'group',
    tools: h(PanelParameters, { carrier, words: ENGLISH })
  });
  return () => {
    model.off('change:height', resize);
    takeAway();
    node.remove();
    style.remove();
  };
}

export default { initialize, render };
