// @vitest-environment node
import { beforeEach, expect, test, vi } from 'vitest';

import {
  CarrierError,
  type Carrier,
  type CarrierEvent,
  type Question
} from '../../src/carriers/carrier';
import { ChatModel } from '../../src/model/chat';
import { contentOf, newTurn, type Part, type Turn } from '../../src/protocol-types';

/** A carrier that does what a test says, and keeps what it was asked. */
class Standin implements Carrier {
  asked: Question[] = [];
  stopped: string[] = [];
  removed: string[] = [];
  tell: (event: CarrierEvent) => void = () => undefined;
  upload = vi.fn<Carrier['upload']>();

  connect(listener: (event: CarrierEvent) => void): void {
    this.tell = listener;
  }
  ask(question: Question): void {
    this.asked.push(question);
    const { request, prompt, contexts, files, before } = question;
    const turn = newTurn(prompt, contentOf(prompt, contexts, files));
    this.tell({ type: 'begun', request, turn, before });
  }
  stop(request: string): void {
    this.stopped.push(request);
  }
  remove(turn: string): boolean {
    this.removed.push(turn);
    return true;
  }
  restore = vi.fn<(turn: string) => void>();
  choose = vi.fn<(turn: string, version: number) => void>();
  dispose(): void {
    return;
  }
  say(text: string, reasoning = ''): void {
    this.tell({ type: 'delta', request: this.asked.at(-1)!.request, text, reasoning });
  }
  end(turn: Partial<Turn> = { state: 'whole' }): void {
    this.tell({ type: 'ended', request: this.asked.at(-1)!.request, turn });
  }
}

const LIMITS = { attachment_bytes: 10, attachments_bytes: 15 };

let carrier: Standin;
let model: ChatModel;

beforeEach(() => {
  carrier = new Standin();
  model = new ChatModel(carrier);
  const setup = { models: ['a', 'b'], default_model: 'b', notices: [], limits: LIMITS };
  carrier.tell({ type: 'setup', setup });
});

const answers = (): string[] => model.turns.map(({ answer }) => answer);
const last = (): Turn => model.turns.at(-1)!;

test('an answer grows by its pieces, and ends', () => {
  expect(model.send('Hi')).toBe(true);
  carrier.say('', 'hm');
  carrier.say('Hel');
  carrier.say('lo');
  expect(last()).toMatchObject({ answer: 'Hello', reasoning: 'hm', state: 'running' });
  expect(model.isRunning).toBe(true);
  carrier.end({ state: 'whole', tokens_out: 2 });
  expect(last()).toMatchObject({ answer: 'Hello', state: 'whole', tokens_out: 2 });
  expect(model.isRunning).toBe(false);
});

test('what comes late of a stopped answer is ignored', () => {
  model.send('Hi');
  carrier.say('half');
  model.stop();
  carrier.say(' and more');
  carrier.end({ state: 'failed', error: 'too late' });
  expect(last()).toMatchObject({ answer: 'half', state: 'stopped', error: null });
  expect(carrier.stopped).toEqual([carrier.asked[0]!.request]);
});

test.each([
  [{ state: 'stopped' }, true],
  [{ state: 'whole', finish_reason: 'length' }, true],
  [{ state: 'whole', finish_reason: 'stop' }, false],
  [{ state: 'failed', finish_reason: null }, false]
] as [Partial<Turn>, boolean][])('an answer that ended as %o goes on: %s', (ending, goesOn) => {
  model.send('Tell me');
  carrier.say('Once upon');
  carrier.end(ending);
  const early = last();
  expect(model.again.canContinue(early)).toBe(goesOn);
  model.again.goOn(early);
  expect(carrier.asked).toHaveLength(goesOn ? 2 : 1);
  if (goesOn) {
    expect(carrier.asked[1]).toMatchObject({ before: null });
    expect(carrier.asked[1]!.prompt).toMatch(/^Continue exactly where you stopped/);
    expect(model.again.canContinue(early)).toBe(false);
  }
});

test('another panel that asks in between tears no answer', () => {
  model.send('mine');
  carrier.say('The first ');
  const mine = last();
  const { request } = carrier.asked[0]!;
  const other = newTurn('another', 'another');
  const ids = [mine.id, other.id];
  carrier.tell({ type: 'turns', ids, turns: [other], running: request, answering: mine.id });
  carrier.say('half');
  expect(answers()).toEqual(['The first half', '']);
  carrier.tell({
    type: 'turns',
    ids,
    turns: [{ ...other, answer: 'Theirs', state: 'whole' }],
    running: request,
    answering: mine.id
  });
  carrier.say(', whole.');
  carrier.end({ state: 'whole' });
  expect(answers()).toEqual(['The first half, whole.', 'Theirs']);
  expect(model.turns.map(({ state }) => state)).toEqual(['whole', 'whole']);
});

test('a question that nobody can be asked stays, and says why', () => {
  carrier.ask = () => {
    throw new CarrierError('The kernel was restarted.');
  };
  model.draft.add({ name: 'df', text: 'a table' });
  expect(model.send('Hi')).toBe(false);
  expect(model.trouble).toBe('The kernel was restarted.');
  expect(model.isRunning).toBe(false);
  expect(model.draft.contexts).toHaveLength(1);
});

test('an answer without a word has nothing to go on from', () => {
  model.send('Tell me');
  model.stop();
  expect(model.again.canContinue(last())).toBe(false);
});

test('a list of turns that crosses a question on its way does not lose its answer', () => {
  model.send('one');
  carrier.end();
  const one = last();
  carrier.ask = function (this: Standin, question: Question) {
    this.asked.push(question);
  };
  model.send('two');
  carrier.tell({ type: 'turns', ids: [one.id], turns: [one], running: null });
  expect(model.isRunning).toBe(true);
  const turn = newTurn('two', 'two');
  const { request } = carrier.asked[1]!;
  carrier.tell({ type: 'turns', ids: [one.id, turn.id], turns: [one, turn], running: request });
  carrier.tell({ type: 'begun', request, turn, before: null });
  carrier.say('Hello');
  expect(answers()).toEqual(['', 'Hello']);
  carrier.tell({ type: 'turns', ids: [one.id, turn.id], turns: [one, last()], running: request });
  carrier.say(' you');
  carrier.end();
  expect(last()).toMatchObject({ answer: 'Hello you', state: 'whole' });
});

test('a question that is stopped on its way leaves the turns before it alone', () => {
  model.send('one');
  carrier.end();
  carrier.ask = function (this: Standin, question: Question) {
    this.asked.push(question);
  };
  model.send('two');
  model.stop();
  expect(carrier.stopped).toEqual([carrier.asked[1]!.request]);
  expect(last()).toMatchObject({ prompt: 'one', state: 'whole' });
  expect(model.isRunning).toBe(false);
});

test('what comes late of a stopped answer does not get into the next', () => {
  model.send('one');
  const late = carrier.asked[0]!.request;
  model.stop();
  model.send('two');
  carrier.tell({ type: 'delta', request: late, text: 'late', reasoning: '' });
  carrier.tell({ type: 'ended', request: late, turn: { state: 'whole' } });
  carrier.say('2');
  expect(answers()).toEqual(['', '2']);
  expect(model.isRunning).toBe(true);
});

test('a list of turns from before an answer was stopped does not let it run on', () => {
  model.send('one');
  carrier.say('half');
  const before = last();
  const { request } = carrier.asked[0]!;
  model.stop();
  carrier.tell({ type: 'turns', ids: [before.id], turns: [before], running: request });
  expect(last()).toMatchObject({ answer: 'half', state: 'stopped' });
  model.send('two');
  expect(carrier.asked.map(({ prompt }) => prompt)).toEqual(['one', 'two']);
  expect(model.queue.items).toEqual([]);
});

test('an answer that could not be stopped runs on', () => {
  model.send('one');
  const before = last();
  const { request } = carrier.asked[0]!;
  model.stop();
  carrier.tell({ type: 'trouble', message: 'The server does not answer.' });
  carrier.tell({ type: 'turns', ids: [before.id], turns: [before], running: request });
  expect(model.isRunning).toBe(true);
  carrier.say('more');
  expect(last()).toMatchObject({ answer: 'more', state: 'running' });
});

test('one question runs at a time, and the next waits until its answer is complete', () => {
  model.send('one');
  model.draft.add({ name: 'df', text: 'a table' });
  expect(model.send('two')).toBe(true);
  expect(model.send('three')).toBe(true);
  expect(model.send('  ')).toBe(false);
  expect(carrier.asked).toHaveLength(1);
  expect(model.draft.contexts).toEqual([]);
  expect(model.queue.items.map(({ prompt }) => prompt)).toEqual(['two', 'three']);
  carrier.end();
  expect(carrier.asked[1]).toMatchObject({
    prompt: 'two',
    contexts: [{ name: 'df', text: 'a table' }],
    before: null
  });
  expect(model.isRunning).toBe(true);
  carrier.end();
  expect(carrier.asked[2]!.prompt).toBe('three');
  expect(model.queue.items).toEqual([]);
});

test.each([
  { state: 'failed', error: 'No.' },
  { state: 'stopped' },
  { state: 'whole', finish_reason: 'length' }
] as Partial<Turn>[])('after an answer that ended as %o, questions wait for a click', ending => {
  model.send('one');
  model.send('two');
  carrier.end(ending);
  expect(carrier.asked).toHaveLength(1);
  model.sendNext();
  expect(carrier.asked[1]!.prompt).toBe('two');
  expect(model.queue.items).toEqual([]);
});

test('stopping leaves what waits alone', () => {
  model.send('one');
  model.send('two');
  model.stop();
  expect(carrier.asked).toHaveLength(1);
  expect(model.queue.items).toHaveLength(1);
});

test('a waiting question is changed and removed', () => {
  model.send('one');
  model.send('two');
  model.send('three');
  model.queue.change(model.queue.items[0]!, 'better');
  model.queue.remove(model.queue.items[1]!);
  carrier.end();
  expect(carrier.asked.map(({ prompt }) => prompt)).toEqual(['one', 'better']);
});

test('questions wait in their own conversation', () => {
  model.send('one');
  model.send('two');
  const [turn] = model.turns;
  carrier.tell({ type: 'created', id: 'a' });
  carrier.tell({ type: 'opened', to: 'b' });
  carrier.tell({ type: 'turns', ids: [], turns: [], running: null });
  expect(model.queue.items).toEqual([]);
  carrier.tell({ type: 'opened', to: 'a' });
  const whole = { ...turn!, state: 'whole' as const };
  carrier.tell({ type: 'turns', ids: [whole.id], turns: [whole], running: null });
  expect(model.queue.items.map(({ prompt }) => prompt)).toEqual(['two']);
  expect(carrier.asked).toHaveLength(1);
});

test('an answer that ended while nobody listened has ended', () => {
  const ended: Turn[] = [];
  model.ended.connect(turn => ended.push(turn));
  model.send('one');
  model.send('two');
  const whole = { ...last(), answer: 'All', state: 'whole' as const };
  carrier.tell({ type: 'turns', ids: [whole.id], turns: [whole], running: null });
  expect(ended).toEqual([whole]);
  expect(carrier.asked[1]!.prompt).toBe('two');
});

test('a turn that was removed can come back for a while', () => {
  model.send('one');
  carrier.end();
  const turn = last();
  model.back.remove(turn);
  expect([model.turns, model.back.removed]).toEqual([[], turn]);
  model.back.undo();
  expect(carrier.restore).toHaveBeenCalledWith(turn.id);
  expect(model.back.removed).toBeNull();
  model.back.undo();
  expect(carrier.restore).toHaveBeenCalledTimes(1);
});

test('another version is shown', () => {
  model.send('one');
  carrier.end();
  model.back.showVersion(last(), 1);
  expect(carrier.choose).toHaveBeenCalledWith(last().id, 1);
});

test('what happens elsewhere is not heard of for a while', () => {
  carrier.tell({ type: 'connection', isLost: true });
  expect(model.isCutOff).toBe(true);
  carrier.tell({ type: 'connection', isLost: false });
  expect([model.isCutOff, model.trouble]).toEqual([false, null]);
});

test('a question that comes while another window asks waits', () => {
  model.send('mine');
  carrier.end({ state: 'failed', error: 'Busy.', error_code: 'answer_running' });
  expect(carrier.removed).toHaveLength(1);
  expect(model.queue.items.map(({ prompt }) => prompt)).toEqual(['mine']);
});

test('an edited question takes the place of the old one and of what came after', () => {
  for (const prompt of ['one', 'two', 'three']) {
    model.send(prompt);
    carrier.say(prompt);
    carrier.end();
  }
  const drafts: string[] = [];
  model.drafts.offered.connect(text => drafts.push(text));
  const second = model.turns[1]!;
  model.edit(second);
  model.send('two, better');
  expect(drafts).toEqual(['two']);
  expect(carrier.asked.at(-1)).toMatchObject({ before: second.id, prompt: 'two, better' });
  expect(model.turns.map(({ prompt }) => prompt)).toEqual(['one', 'two, better']);
  expect(model.editing).toBeNull();
});

test('asking again keeps what was attached, and may leave lost files out', () => {
  const file: Part = { type: 'file', file: { file_id: 'file-1', filename: 'a' } };
  carrier.upload.mockResolvedValue(file);
  model.draft.add({ name: 'cell', text: '1/0' });
  model.send('Why?');
  carrier.end({ state: 'failed', error: 'No.', error_code: 'file_not_found' });
  model.again.ask(last());
  expect(carrier.asked.at(-1)!.files).toEqual([{ type: 'text', text: '<cell>\n1/0\n</cell>' }]);
  carrier.end();
  const withFile = { ...last(), content: contentOf('Why?', [], [file]) };
  model.again.askWithoutFiles(withFile);
  expect(carrier.asked.at(-1)!.files).toEqual([]);
});

test('the chosen model is asked as long as it is there', () => {
  expect(model.model).toBe('b');
  model.choice.choose('a');
  model.send('Hi');
  expect(carrier.asked[0]!.model).toBe('a');
  const setup = { models: ['c'], default_model: null, notices: [], limits: LIMITS };
  carrier.tell({ type: 'setup', setup });
  expect(model.model).toBe('c');
});

test('turns that are known are not said again', () => {
  model.send('mine');
  carrier.say('1');
  carrier.end();
  const mine = last();
  const other = { ...newTurn('from a cell', 'from a cell'), answer: '2', state: 'whole' as const };
  carrier.tell({ type: 'turns', ids: [mine.id, other.id], turns: [other], running: null });
  expect(answers()).toEqual(['1', '2']);
  carrier.tell({ type: 'turns', ids: [other.id], turns: [], running: null });
  expect(answers()).toEqual(['2']);
});

test('what comes of a turn that was forgotten elsewhere goes into no other', () => {
  model.send('one');
  carrier.say('1');
  carrier.end();
  const one = last();
  model.send('two');
  const { request } = carrier.asked[1]!;
  carrier.tell({ type: 'turns', ids: [one.id], turns: [], running: request });
  carrier.say('2');
  carrier.end({ state: 'failed', error: 'No.' });
  expect(model.turns).toEqual([one]);
  model.send('three');
  carrier.tell({ type: 'turns', ids: [], turns: [], running: carrier.asked[2]!.request });
  carrier.end();
  expect(model.turns).toEqual([]);
  expect(model.isRunning).toBe(false);
});

test('where a question cannot even begin, the next one can', () => {
  vi.spyOn(carrier, 'ask').mockImplementationOnce(() =>
    carrier.tell({ type: 'trouble', message: 'No kernel.' })
  );
  model.send('Hi');
  expect(model.trouble).toBe('No kernel.');
  expect(model.send('Hi')).toBe(true);
  expect(model.trouble).toBeNull();
});

test('a file too large is refused before a byte is sent', async () => {
  await model.draft.attachments.add(new File(['x'.repeat(11)], 'large.txt'));
  await model.draft.attachments.add(new File([], 'empty.txt'));
  expect(carrier.upload).not.toHaveBeenCalled();
  expect(model.draft.attachments.items.map(({ error }) => error)).toEqual([
    expect.stringContaining('the limit'),
    'This file is empty.'
  ]);
  expect(model.isReady).toBe(true);
});

test('files together may not be too large either', async () => {
  carrier.upload.mockResolvedValue({ type: 'text', text: '' });
  await model.draft.attachments.add(new File(['x'.repeat(9)], 'a'));
  await model.draft.attachments.add(new File(['x'.repeat(9)], 'b'));
  expect(carrier.upload).toHaveBeenCalledTimes(1);
  expect(model.draft.attachments.items[1]!.error).toContain('together');
});

test('a question waits for its files, and an upload can be stopped', async () => {
  let signal: AbortSignal | undefined;
  carrier.upload.mockImplementation((_file, progress, given) => {
    signal = given;
    progress(0.5);
    return new Promise((_, reject) =>
      given.addEventListener('abort', () => reject(new Error('x')))
    );
  });
  const added = model.draft.attachments.add(new File(['x'], 'a'));
  expect(model.draft.attachments.items[0]!.progress).toBe(0.5);
  expect(model.send('Hi')).toBe(false);
  model.draft.attachments.remove(model.draft.attachments.items[0]!);
  await added;
  expect(signal!.aborted).toBe(true);
  expect(model.draft.attachments.items).toEqual([]);
  expect(model.send('Hi')).toBe(true);
});

test('a question that is sent before its files are there goes with them, unless it is changed', async () => {
  const { draft } = model;
  let arrive: (part: Part) => void = () => undefined;
  carrier.upload.mockImplementation(() => new Promise(resolve => (arrive = resolve)));
  const added = draft.attachments.add(new File(['x'], 'a'));
  draft.text = 'Hi';
  expect(model.sendDraft()).toBe(false);
  draft.text = 'Hi there';
  expect(model.sendDraft()).toBe(false);
  expect(model.sendDraft()).toBe(false);
  arrive({ type: 'text', text: 'x' });
  await added;
  await vi.waitFor(() => expect(carrier.asked).toHaveLength(1));
  expect(carrier.asked[0]).toMatchObject({ prompt: 'Hi there' });
  expect(draft.text).toBe('');
});

test('a question that is sent before what was chosen is there goes along with it', async () => {
  const { draft } = model;
  let arrive: () => void = () => undefined;
  const coming = new Promise<void>(resolve => (arrive = resolve));
  const chosen = draft.expect(coming.then(() => draft.add({ name: 'df', text: 'a table' })));
  draft.text = 'Hi';
  expect([model.sendDraft(), model.isReady]).toEqual([false, false]);
  arrive();
  await chosen;
  await vi.waitFor(() => expect(carrier.asked).toHaveLength(1));
  expect(carrier.asked[0]).toMatchObject({ prompt: 'Hi', contexts: [{ name: 'df' }] });
});

test('a question is not sent without what was chosen and does not come', async () => {
  const { draft } = model;
  const chosen = draft.expect(Promise.reject(new Error('No kernel.')));
  draft.text = 'Hi';
  expect(model.sendDraft()).toBe(false);
  await expect(chosen).rejects.toThrow('No kernel.');
  await new Promise(resolve => setTimeout(resolve, 50));
  expect([carrier.asked, draft.text]).toEqual([[], 'Hi']);
  expect(model.sendDraft()).toBe(true);
});

test('nothing is sent while a file could not be attached, and it is said', async () => {
  await model.draft.attachments.add(new File(['x'.repeat(11)], 'large.txt'));
  expect(model.send('What is in it?')).toBe(false);
  expect(carrier.asked).toEqual([]);
  expect(model.trouble).toBe(
    'large.txt was not attached. Remove it or attach it again, then send.'
  );
  model.draft.attachments.remove(model.draft.attachments.items[0]!);
  expect(model.send('What is in it?')).toBe(true);
});
