import { expect, test } from 'vitest';

import type { CarrierError } from '../../src/carriers/carrier';
import type { Piece } from '../../src/carriers/chunk';
import { readStream } from '../../src/carriers/stream';
import { sample } from '../samples';

interface Sample {
  name: string;
  bytes: string;
  text: string;
  reasoning: string;
  tokens_out: number | null;
  error: string | null;
}

const STREAMS = sample<Sample[]>('streams.json');

function bodyOf(pieces: Uint8Array[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      pieces.forEach(piece => controller.enqueue(piece));
      controller.close();
    }
  });
}

async function read(pieces: Uint8Array[]): Promise<Partial<Sample>> {
  const said: Piece[] = [];
  let error: string | null = null;
  try {
    await readStream(bodyOf(pieces), piece => said.push(piece));
  } catch (failure) {
    error = (failure as CarrierError).code;
  }
  return {
    text: said.map(({ text }) => text).join(''),
    reasoning: said.map(({ reasoning }) => reasoning).join(''),
    tokens_out:
      said.map(({ tokens_out }) => tokens_out).findLast(count => count !== undefined) ?? null,
    error
  };
}

test.each(STREAMS)('$name: cut at every byte it says the same', async expected => {
  const { name: _, bytes, ...said } = expected;
  const encoded = new TextEncoder().encode(bytes);
  const wanted = {
    ...said,
    error: said.error === 'any' ? (expect.anything() as string) : said.error
  };
  expect(await read([encoded])).toEqual(wanted);
  for (let cut = 1; cut < encoded.length; cut++) {
    expect(await read([encoded.slice(0, cut), encoded.slice(cut)]), `cut at ${cut}`).toEqual(
      wanted
    );
  }
});

test('what one read brings is told once', async () => {
  const said: Piece[] = [];
  const { bytes } = STREAMS[0]!;
  await readStream(bodyOf([new TextEncoder().encode(bytes)]), piece => said.push(piece));
  expect(said).toHaveLength(1);
});
