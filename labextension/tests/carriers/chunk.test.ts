import { expect, test } from 'vitest';

import { CarrierError } from '../../src/carriers/carrier';
import { pieceIn, type Piece } from '../../src/carriers/chunk';
import { readStream } from '../../src/carriers/stream';
import { WholeCharacters } from '../../src/carriers/whole-characters';
import { LONGEST_SENTENCE, LONGEST_WORD } from '../../src/model/plain-text';
import { ENGLISH } from '../../src/translation';

const read = (chunk: unknown): Piece => pieceIn(JSON.stringify(chunk), ENGLISH);
const delta = (said: unknown): Piece => read({ choices: [{ delta: said }] });

/** What is said of a chunk that is refused. */
function refusalOf(chunk: unknown): { message: string; code: string | null } {
  try {
    read(chunk);
  } catch (error) {
    expect(error).toBeInstanceOf(CarrierError);
    const { message, code } = error as CarrierError;
    return { message, code };
  }
  throw new Error(`${JSON.stringify(chunk)} was taken.`);
}

test('texts may come in lists, as Mistral sends them', () => {
  const thought = { type: 'thinking', thinking: [{ type: 'text', text: 'hm' }] };
  const content = ['a', { type: 'text', text: 'b' }, thought, 'c'];
  expect(delta({ content })).toMatchObject({ text: 'abc', reasoning: '' });
  expect(delta({ reasoning: ['a'] }).reasoning).toBe('a');
});

test.each([
  null,
  5,
  'x',
  [],
  { choices: 5 },
  { choices: {} },
  { choices: [null] },
  { choices: ['x'] },
  { choices: [{ delta: 'x' }] },
  { choices: [{ delta: 5 }] },
  { choices: [{ delta: { content: 5 } }] },
  { choices: [{ delta: { content: {} } }] },
  { choices: [{ delta: { content: [5] } }] },
  { choices: [{ delta: { content: [null] } }] },
  { choices: [{ delta: { content: [{ type: 'text', text: 5 }] } }] },
  { choices: [{ delta: { reasoning: true } }] }
])('%j is no answer, and that is said in a sentence', chunk =>
  expect(refusalOf(chunk)).toEqual({
    message: 'The server sent something that cannot be read as an answer. Ask again.',
    code: 'upstream_error'
  })
);

test.each([
  { usage: 5 },
  { usage: { prompt_tokens: '5', completion_tokens: 1.5 } },
  { usage: { prompt_tokens: -1, completion_tokens: 1e308 } },
  { usage: [null] },
  { model: { name: 'm' } },
  { model: 5 },
  { choices: null },
  { choices: [{ delta: null }] },
  { choices: [{ delta: {}, finish_reason: {} }] },
  { choices: [{ index: 1, delta: 'another answer' }] },
  { error: null }
])('%j brings nothing, and does no harm', chunk => {
  const { text, reasoning, ...facts } = read(chunk);
  expect([text, reasoning]).toEqual(['', '']);
  expect(Object.values(facts).filter(fact => (fact as unknown) !== undefined)).toEqual([]);
});

const NO_WORDS = 'The server reported an error without a message. Ask again.';

test.each([
  [
    { message: 'No.', code: 'x' },
    { message: 'No.', code: 'x' }
  ],
  [
    { message: ['No.'], code: 5 },
    { message: NO_WORDS, code: null }
  ],
  ['No.', { message: 'No.', code: null }],
  [true, { message: NO_WORDS, code: null }]
])('the error %j is a sentence', (error, refusal) => expect(refusalOf({ error })).toEqual(refusal));

test('an error is no longer than what is shown of it', () => {
  const error = { message: 'x'.repeat(1e6), code: 'y'.repeat(1e6) };
  const { message, code } = refusalOf({ error });
  expect([message.length, code!.length]).toEqual([LONGEST_SENTENCE, LONGEST_WORD]);
});

test('names beside an answer are plain', () => {
  const name = '\u202e<b>\u0000';
  const { model, finish_reason } = read({ model: name, choices: [{ finish_reason: name }] });
  expect([model, finish_reason]).toEqual(['<b>', '<b>']);
});

test('a character that is cut between two chunks is one again, and half of one is none', async () => {
  const first = '\ud83d';
  const second = '\ude00';
  const chunks = [`a${first}`, `${second}b${first}`, 'c', second, first];
  const lines = chunks.map(
    content => `data: ${JSON.stringify({ choices: [{ delta: { content } }] })}\n\n`
  );
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      [...lines, 'data: [DONE]\n\n'].forEach(line =>
        controller.enqueue(new TextEncoder().encode(line))
      );
    }
  });
  const said: string[] = [];
  await readStream(body, ({ text }) => said.push(text));
  expect(said).toEqual(['a', '😀b', '\ufffdc', '\ufffd', '']);
});

test('whole characters cost what the new text costs', () => {
  const characters = new WholeCharacters();
  expect(characters.take('😀')).toBe('😀');
  expect(characters.take('')).toBe('');
  expect(characters.take('\ude00x\ud83d')).toBe('\ufffdx');
  expect(characters.take('\ud83d\ude00')).toBe('\ufffd😀');
});

test('a connection that breaks is said in our words, not in the browser’s', async () => {
  const body = new ReadableStream<Uint8Array>({
    start: controller => controller.error(new TypeError('network error'))
  });
  await expect(readStream(body, () => undefined)).rejects.toThrow(
    'The answer broke off before it was complete. Ask again.'
  );
});
