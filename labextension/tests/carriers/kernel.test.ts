// @vitest-environment node
// jsdom’s files cannot be read.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { KernelCarrier } from '../../src/carriers/kernel';
import type { KernelMessage } from '../../src/carriers/kernel-messages';
import { NO_PARAMETERS } from '../../src/carriers/parameters';
import { ChatModel } from '../../src/model/chat';
import { sample } from '../samples';

interface Messages {
  from_panel: { type: string }[];
  from_kernel: KernelMessage[];
}

const MESSAGES = sample<Messages>('panel.json');
const said = <T extends KernelMessage['type']>(type: T): Extract<KernelMessage, { type: T }> =>
  MESSAGES.from_kernel.find(message => message.type === type) as Extract<
    KernelMessage,
    { type: T }
  >;

let sent: Record<string, unknown>[];
let pieces: ArrayBuffer[];
let gone: boolean;
let tell: (message: KernelMessage) => void;
let model: ChatModel;
let carrier: KernelCarrier;

beforeEach(() => {
  vi.useFakeTimers();
  sent = [];
  pieces = [];
  gone = false;
  carrier = new KernelCarrier({
    send: (message, buffers) => {
      if (gone) {
        throw new Error('the comm is closed');
      }
      sent.push(message as Record<string, unknown>);
      pieces.push(...(buffers ?? []));
    },
    onMessage: listener => {
      tell = listener;
      return () => undefined;
    }
  });
  model = new ChatModel(carrier);
});

afterEach(() => {
  carrier.dispose();
  vi.useRealTimers();
});

const typesSent = (): unknown[] => sent.map(({ type }) => type);

test('hello is said until it was heard in a subshell', () => {
  vi.advanceTimersByTime(1100);
  expect(typesSent()).toEqual(['hello', 'hello', 'hello']);
  expect(new Set(sent.map(({ page }) => page)).size).toBe(1);
  tell({ type: 'welcome', is_subshell: false });
  vi.advanceTimersByTime(600);
  expect(sent).toHaveLength(4);
  tell(said('welcome'));
  vi.advanceTimersByTime(60_000);
  expect(sent).toHaveLength(4);
});

test('hello is not said for ever', () => {
  vi.advanceTimersByTime(3_600_000);
  expect(sent.length).toBeLessThan(30);
});

test('the words are those that the kernel knows', async () => {
  tell(said('setup'));
  tell(said('attached'));
  tell(said('turns'));
  expect(model.turns.map(({ id }) => id)).toEqual(['t0']);
  model.send('Hi');
  model.stop();
  const [first] = model.turns;
  model.back.showVersion(first!, 0);
  model.back.remove(first!);
  model.back.undo();
  const listed = carrier.variables();
  tell(said('variables'));
  expect(await listed).toEqual(said('variables').variables);
  const attached = carrier.attach('df');
  tell(said('attached'));
  await attached;
  carrier.setParameters({ ...said('parameters').parameters, tells_facts: true });
  expect(sent.at(-1)).toEqual(MESSAGES.from_panel.at(-1));
  carrier.current.parameters = NO_PARAMETERS;
  tell(said('parameters'));
  expect(carrier.current.parameters).toEqual({
    ...said('parameters').parameters,
    tells_facts: true
  });
  expect(carrier.system).toBe('Be kind.');
  carrier.setParameters({ ...carrier.current.parameters, temperature: null });
  expect(sent.at(-1)).toEqual({ type: 'set_parameters', parameters: { temperature: null } });
  vi.useRealTimers();
  await model.draft.attachments.add(new File(['xx'], 'too large'));
  const upload = carrier.upload(
    new File(['abc'], 'a.txt'),
    () => undefined,
    new AbortController().signal
  );
  await vi.waitFor(() => expect(pieces).toHaveLength(1));
  const uploadId = sent.at(-1)!.upload as string;
  tell({ ...said('received'), upload: uploadId });
  expect(await upload).toEqual(said('received').part);
  const known = new Map(MESSAGES.from_panel.map(message => [message.type, Object.keys(message)]));
  expect(new Set(typesSent())).toEqual(
    new Set([...known.keys()].filter(type => type !== 'forget'))
  );
  for (const message of sent) {
    expect(Object.keys(message).sort()).toEqual([...known.get(message.type as string)!].sort());
    expect(message).not.toHaveProperty('id');
  }
});

test('a kernel that does not list its variables is said to be busy', async () => {
  const listed = expect(carrier.variables()).rejects.toThrow('it may be busy');
  await vi.advanceTimersByTimeAsync(6000);
  await listed;
});

test('a kernel that was restarted is said for every click, and takes nothing away for good', () => {
  tell(said('turns'));
  const [turn] = model.turns;
  gone = true;
  const clicks = [
    () => model.back.remove(turn!),
    () => carrier.setParameters({ ...NO_PARAMETERS, temperature: 1 }),
    () => model.back.showVersion(turn!, 0),
    () => model.send('Hi')
  ];
  for (const click of clicks) {
    model.dismissTrouble();
    click();
    expect(model.trouble).toMatch(/^The kernel was restarted/);
  }
  expect(model.back.removed).toBeNull();
});

test('a model can go on with an answer that failed', () => {
  const turn = { ...said('turns').turns[0]!, state: 'failed' as const };
  tell({ ...said('turns'), turns: [turn] });
  model.again.goOn(model.turns[0]!);
  expect(sent.at(-1)).toMatchObject({ type: 'ask', before: null, continues: true });
});

test('what was attached is named, not sent back', () => {
  tell(said('attached'));
  model.send('Hi');
  expect(sent.at(-1)).toMatchObject({ type: 'ask', contexts: ['df'] });
});

test('an answer comes in pieces', () => {
  model.send('Hi');
  const request = sent.at(-1)!.request as string;
  tell({ ...said('begun'), request });
  tell({ ...said('delta'), request });
  tell({ ...said('delta'), request, text: 'lo' });
  tell({ ...said('ended'), request });
  expect(model.turns).toHaveLength(1);
  expect(model.turns[0]).toMatchObject({
    id: 't1',
    answer: 'Hello',
    state: 'whole',
    tokens_out: 2
  });
});

test('an answer that another panel asked for grows here, and is stopped from here', () => {
  const turns = [{ ...said('turns').turns[0]!, answer: '', state: 'running' as const }];
  tell({ ...said('turns'), turns, running: 'theirs', answering: 't0' });
  tell({ ...said('delta'), request: 'theirs' });
  expect(model.isRunning).toBe(true);
  expect(model.turns[0]).toMatchObject({ answer: 'Hel', state: 'running' });
  model.stop();
  expect(sent.at(-1)).toEqual({ type: 'stop', request: 'theirs' });
  expect(model.turns[0]).toMatchObject({ answer: 'Hel', state: 'stopped' });
});

test('a large file goes in pieces, each after the one before has arrived', async () => {
  vi.useRealTimers();
  const size = 512 * 1024 + 1;
  const shares: number[] = [];
  const file = new File([new Uint8Array(size)], 'a.bin');
  const upload = carrier.upload(file, share => shares.push(share), new AbortController().signal);
  await vi.waitFor(() => expect(pieces).toHaveLength(1));
  const id = sent.at(-1)!.upload as string;
  tell({ type: 'received', upload: id, bytes: pieces[0]!.byteLength, part: null });
  await vi.waitFor(() => expect(pieces).toHaveLength(2));
  tell({ ...said('received'), upload: id, bytes: size });
  await upload;
  expect(pieces.map(({ byteLength }) => byteLength)).toEqual([512 * 1024, 1]);
  expect(shares.at(-1)).toBe(1);
});

test('a kernel that takes no more of a file is not asked for ever', async () => {
  vi.useRealTimers();
  const file = new File(['abc'], 'a.bin');
  const upload = carrier.upload(file, () => undefined, new AbortController().signal);
  await vi.waitFor(() => expect(pieces).toHaveLength(1));
  tell({ type: 'received', upload: sent.at(-1)!.upload as string, bytes: 0, part: null });
  await expect(upload).rejects.toThrow('The kernel did not accept the file. Attach it again.');
  expect(pieces).toHaveLength(1);
});

test('whoever attaches a variable hears that it has come, that it cannot, or that nobody answers', async () => {
  const [first, second] = [carrier.attach('df'), carrier.attach('day')];
  const heard: string[] = [];
  second.then(() => heard.push('second'), heard.push);
  tell(said('attached'));
  await first;
  expect(heard).toEqual([]);
  tell(said('attached'));
  await second;
  const refused = carrier.attach('dg');
  tell({ type: 'trouble', message: 'There is no dg.' });
  await expect(refused).rejects.toThrow('There is no dg.');
  const unheard = carrier.attach('df');
  vi.advanceTimersByTime(30_000);
  await expect(unheard).rejects.toThrow('The kernel does not answer; it may be busy.');
  gone = true;
  await expect(carrier.attach('df')).rejects.toThrow('Run its cell again');
});
