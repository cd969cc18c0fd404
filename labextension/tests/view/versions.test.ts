/** Going back to other versions, and to before a question was deleted. */
import { h } from 'preact';
import { afterEach, beforeEach, expect, test } from 'vitest';

import { ServerCarrier } from '../../src/carriers/server';
import { ChatModel } from '../../src/model/chat';
import { newTurn } from '../../src/protocol-types';
import { ENGLISH } from '../../src/translation';
import { Chat } from '../../src/view/chat';
import { JupyterServer } from '../jupyter-server';
import { drawn, redrawn } from '../page';

const typesetter = { highlight: () => undefined, typeset: () => undefined };
let server: JupyterServer;
let model: ChatModel;
let node: HTMLElement;
let takeAway: () => Promise<void>;

beforeEach(async () => {
  server = new JupyterServer();
  const turn = { ...newTurn('Hi', 'Hi'), answer: 'Yes', state: 'whole' as const };
  server.keep('a', [{ ...turn, versions: 3, version: 1 }]);
  const carrier = new ServerCarrier(server.api());
  model = new ChatModel(carrier);
  ({ node, takeAway } = await drawn(h(Chat, { model, words: ENGLISH, typesetter })));
  await carrier.open('a');
  await redrawn();
});

afterEach(async () => {
  await takeAway();
  model.dispose();
});

async function click(label: string): Promise<void> {
  const found = [...node.querySelectorAll('button')].find(
    other => other.getAttribute('aria-label') === label || other.textContent === label
  );
  found!.click();
  await redrawn();
}

const versions = (): string | null | undefined =>
  node.querySelector('.aqueduct-versions')?.getAttribute('aria-label');

test('one steps through the versions of a turn', async () => {
  expect(versions()).toBe('Version 2 of 3');
  await click('Next version');
  expect(versions()).toBe('Version 3 of 3');
  const [, , next] = node.querySelectorAll('.aqueduct-versions > *');
  expect(next).toHaveProperty('disabled', true);
  await click('Previous version');
  await click('Previous version');
  expect(versions()).toBe('Version 1 of 3');
  expect(server.asked(/version$/)).toEqual([{ version: 2 }, { version: 1 }, { version: 0 }]);
});

test('a turn without versions shows none', async () => {
  server.conversations.get('a')!.turns[0]!.versions = 1;
  server.tellTurns('a');
  await redrawn();
  expect(versions()).toBeUndefined();
});

test('a deleted question comes back', async () => {
  await click('Delete this question and its answer');
  expect(model.turns).toEqual([]);
  expect(node.querySelector('.aqueduct-undo')!.textContent).toContain('The question was deleted.');
  await click('Undo');
  expect(model.turns.map(({ prompt }) => prompt)).toEqual(['Hi']);
  expect(node.querySelector('.aqueduct-undo')).toBeNull();
});

test('one that cannot come back is said', async () => {
  await click('Delete this question and its answer');
  server.forget();
  await click('Undo');
  expect(model.trouble).toBe('It can no longer be restored.');
});
