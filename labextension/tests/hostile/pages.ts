/** Pages on which something hostile is shown, and what is wrong with them then. */
import { h } from 'preact';
import { afterEach, expect, vi } from 'vitest';

import { ServerCarrier } from '../../src/carriers/server';
import { Header } from '../../src/lab/header';
import { ChatModel } from '../../src/model/chat';
import { LONGEST_SENTENCE } from '../../src/model/plain-text';
import { ENGLISH } from '../../src/translation';
import { Chat } from '../../src/view/chat';
import { JupyterServer } from '../jupyter-server';
import { drawn, redrawn } from '../page';
import type { Mutation } from './mutations';

// Hundreds of pages a test.
vi.setConfig({ testTimeout: 60_000 });

/** Where an answer or a person's own words are shown, which are as long as they are. */
const WORDS = '.aqueduct-markdown, .aqueduct-prompt, .aqueduct-reasoning > div, pre, textarea';

/** Our own thumbnails show bytes that are on the page already. */
const DANGEROUS =
  'img:not(.aqueduct-thumbnail[src^="blob:"]), script, iframe, object, embed, form:not(.aqueduct-composer), base, link';

/** The longest of our own sentences around a text that is shown. */
const AROUND = 300;

const typesetter = { highlight: () => undefined, typeset: () => undefined };
const acts = {
  rename: () => Promise.resolve(),
  pin: () => Promise.resolve(),
  remove: () => Promise.resolve(),
  export: () => Promise.resolve()
};
export const left: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  await leave();
  expect(window).not.toHaveProperty('hit');
});

async function leave(): Promise<void> {
  for (const takeAway of left.splice(0)) {
    await takeAway();
  }
}

/** Draw a chat, with a sidebar's head where there is a server's carrier. */
export async function page(model: ChatModel, carrier?: ServerCarrier): Promise<HTMLElement> {
  const header = carrier && h(Header, { carrier, words: ENGLISH, acts });
  const { node, takeAway } = await drawn(h(Chat, { model, words: ENGLISH, typesetter, header }));
  left.push(takeAway, () => model.dispose());
  return node;
}

/** A server with its sidebar; it is told what to say before it is asked for the first time. */
export async function sidebar(
  prepare: (server: JupyterServer) => void = () => undefined
): Promise<{ server: JupyterServer; carrier: ServerCarrier; model: ChatModel; node: HTMLElement }> {
  const server = new JupyterServer();
  prepare(server);
  const carrier = new ServerCarrier(server.api());
  const model = new ChatModel(carrier);
  const node = await page(model, carrier);
  await redrawn();
  return { server, carrier, model, node };
}

/** What of a page is shown that should not be. */
export function faultsIn(node: HTMLElement): string[] {
  const faults = [...node.querySelectorAll(DANGEROUS)].map(other => other.outerHTML.slice(0, 80));
  const words = new Set<Element>(node.querySelectorAll(WORDS));
  const look = (element: Element): void => {
    for (const { name, value } of element.attributes) {
      faults.push(...(name.startsWith('on') ? [name] : []), ...faultsOf(value, name));
    }
    for (const child of words.has(element) ? [] : element.childNodes) {
      if (child instanceof Element) {
        look(child);
      } else {
        faults.push(...faultsOf(child.nodeValue ?? '', element.tagName));
      }
    }
  };
  look(node);
  return faults;
}

function faultsOf(text: string, place: string): string[] {
  const faults = [
    text.length > LONGEST_SENTENCE + AROUND && 'too long',
    /[\p{C}\p{Zl}\p{Zp}]/u.test(text) && 'not printable',
    /\[object |undefined|NaN/.test(text) && 'no text'
  ];
  return faults.filter(Boolean).map(fault => `${fault} in ${place}: ${text.slice(0, 40)}`);
}

/** Try every mutation on pages of their own; gives what went wrong, each under its mutation. */
export async function faultsWith(
  mutations: readonly Mutation[],
  attempt: (said: unknown) => Promise<string[]>
): Promise<string[]> {
  const faults: string[] = [];
  const onError = ({ message }: ErrorEvent): number => faults.push(message);
  window.addEventListener('error', onError);
  for (const { name, said } of mutations) {
    const found = await attempt(said).catch((error: unknown) => [String(error)]);
    faults.push(...found.map(fault => `${name}: ${fault}`));
    await leave();
  }
  window.removeEventListener('error', onError);
  return faults;
}
