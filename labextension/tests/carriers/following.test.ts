/** The connection to a conversation: made again when it breaks, and only where it is needed. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import type { ConversationEvent } from '../../src/carriers/conversation-events';
import { Following } from '../../src/carriers/following';
import { newTurn } from '../../src/protocol-types';
import { events, JupyterServer, settled } from '../jupyter-server';

const ADDRESS = 'aqueduct/conversations/a/events';
let server: JupyterServer;
let taken: ConversationEvent[];
let lost: boolean[];
let isRunning: boolean;
let following: Following;

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  server = new JupyterServer();
  server.keep('a', [{ ...newTurn('Hi', 'Hi'), id: 't1', answer: 'Yes', state: 'whole' }]);
  taken = [];
  lost = [];
  isRunning = false;
  follow();
  await settled();
});

afterEach(() => {
  following.close();
  see('visible');
  vi.useRealTimers();
});

function follow(): void {
  following = new Following(server.api(), ADDRESS, {
    take: event => taken.push(event),
    lost: isLost => lost.push(isLost),
    isRunning: () => isRunning
  });
}

/** Show or hide the page. */
function see(state: 'visible' | 'hidden'): void {
  Object.defineProperty(document, 'visibilityState', { value: state, configurable: true });
  document.dispatchEvent(new Event('visibilitychange'));
}

async function pass(milliseconds: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(milliseconds);
  await settled();
}

const kinds = (): string[] => taken.map(({ type }) => type);

test('it begins with the turns, and goes on with what happens', async () => {
  await following.begun;
  server.tell(
    'a',
    { type: 'delta', request: 'r', text: 'a', reasoning: '' },
    { type: 'delta', request: 'r', text: 'b', reasoning: 'c' },
    { type: 'unknown' },
    { type: 'ended', request: 'r', turn: { state: 'whole', answer: 'never taken' } }
  );
  await settled();
  expect(taken.slice(1)).toMatchObject([
    { type: 'delta', request: 'r', text: 'ab', reasoning: 'c' },
    { type: 'ended', request: 'r', turn: { state: 'whole' } }
  ]);
  expect(JSON.stringify(taken)).not.toContain('never taken');
});

test('a connection that breaks is made again, and the turns come anew', async () => {
  server.cut('a');
  await settled();
  await pass(300);
  expect(kinds()).toEqual(['turns', 'turns']);
  expect(server.listening('a')).toBe(1);
  expect(lost).toEqual([]);
});

test('a connection that is missing for a while is said, until it is back', async () => {
  server.isGone = true;
  server.cut('a');
  await pass(2_500);
  expect(lost).toEqual([]);
  await pass(1_000);
  expect(lost).toEqual([true]);
  server.isGone = false;
  await pass(10_000);
  expect(lost).toEqual([true, false]);
  expect(kinds()).toEqual(['turns', 'turns']);
});

test('a network that is back is used at once', async () => {
  server.isGone = true;
  server.cut('a');
  await pass(5_000);
  server.isGone = false;
  window.dispatchEvent(new Event('online'));
  await settled();
  expect(server.listening('a')).toBe(1);
});

test('a connection that says nothing any more counts as broken', async () => {
  await pass(41_000);
  await pass(300);
  expect(kinds()).toEqual(['turns', 'turns']);
});

test('a page that nobody sees listens only while an answer runs', async () => {
  isRunning = true;
  see('hidden');
  await settled();
  expect(server.listening('a')).toBe(1);
  isRunning = false;
  server.tell('a', { type: 'ended', request: 'r', turn: { state: 'whole' } });
  await settled();
  expect(server.listening('a')).toBe(0);
  await pass(60_000);
  expect(server.listening('a')).toBe(0);
  expect(lost).toEqual([]);
  see('visible');
  await settled();
  expect(server.listening('a')).toBe(1);
});

test('a conversation that was deleted meanwhile is deleted', async () => {
  server.cut('a');
  server.conversations.delete('a');
  await pass(300);
  expect(kinds()).toEqual(['turns', 'deleted']);
  await pass(60_000);
  expect(server.done).toHaveLength(2);
});

test.each([
  ['nothing', () => events()],
  ['turns that are none', () => events({ type: 'turns', ids: null, turns: [] })],
  ['what is not JSON', () => new Response('data: {x\n\ndata: 5\n\n')]
])('%s is not taken for a conversation', async (_name, answer) => {
  following.close();
  server.answers.set('GET conversations/a/events', answer);
  follow();
  await expect(following.begun).rejects.toThrow('cannot be read');
});

test('what is closed says no more', async () => {
  following.close();
  server.tell('a', { type: 'deleted' });
  await pass(60_000);
  expect(kinds()).toEqual(['turns']);
  expect(server.listening('a')).toBe(0);
});
