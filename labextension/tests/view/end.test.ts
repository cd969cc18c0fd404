/** Where a conversation stands when it is opened: at its end. */
import { h } from 'preact';
import { act } from 'preact/test-utils';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { ServerCarrier } from '../../src/carriers/server';
import { ChatModel } from '../../src/model/chat';
import { newTurn } from '../../src/protocol-types';
import { ENGLISH } from '../../src/translation';
import { Chat } from '../../src/view/chat';
import { JupyterServer, settled } from '../jupyter-server';
import { drawn } from '../page';

const typesetter = { highlight: () => undefined, typeset: () => undefined };
let observers: Observer[];

/** Tells of changed sizes when it is asked to. */
class Observer {
  private readonly _observed = new Set<Element>();

  constructor(private readonly _tell: () => void) {
    observers.push(this);
  }

  observe(node: Element): void {
    this._observed.add(node);
  }

  disconnect(): void {
    this._observed.clear();
  }

  change(node: Element): void {
    if (this._observed.has(node)) {
      this._tell();
    }
  }
}

beforeEach(() => {
  observers = [];
  vi.stubGlobal('ResizeObserver', Observer);
});

afterEach(() => {
  vi.unstubAllGlobals();
});

test('a running answer that was there before the sidebar was shown stays in view', async () => {
  const server = new JupyterServer();
  server.reply = null;
  server.keep('a', [{ ...newTurn('Hi', 'Hi'), state: 'whole' }]);
  server.ask('a', 'Go on');
  const carrier = new ServerCarrier(server.api());
  const model = new ChatModel(carrier);
  await carrier.open('a');
  await settled();
  const { node, takeAway } = await drawn(h(Chat, { model, words: ENGLISH, typesetter }));
  const log = node.querySelector('[role=log]')!;
  Object.defineProperty(log, 'scrollHeight', { value: 900 });
  expect(log.scrollTop).toBe(0);
  await act(() => observers.forEach(observer => observer.change(log)));
  expect(log.scrollTop).toBe(900);
  log.scrollTop = 0;
  await act(() => observers.forEach(observer => observer.change(log.lastElementChild!)));
  expect(log.scrollTop).toBe(900);
  await takeAway();
  model.dispose();
});
