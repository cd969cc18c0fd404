/**
 * What a model sees of a cell's outputs: their text, their tables as Markdown, and their pictures.
 *
 * The texts are for models. What is left out is counted, for the chip to say.
 */
import type * as nbformat from '@jupyterlab/nbformat';

import { bytesOf } from '../carriers/variables';
import { NOTHING_LEFT_OUT, type Drawing, type LeftOut } from '../protocol-types';
import { attachedAs, PICTURE_LEFT_OUT } from '../model/attached-pictures';
import { tablesIn } from './markdown-table';
import { svgDrawing } from './svg';

/** The most pictures of one cell; the kernel's `--with` has the same limit. */
const MOST_PICTURES = 8;

/** The kinds of pictures that models take, best first. */
const PICTURES = ['image/png', 'image/jpeg', 'image/webp', 'image/gif'];

/** What is drawn for them. */
const DRAWN = 'image/svg+xml';

/** What models cannot see. */
const UNSEEN = ['application/vnd.plotly.v1+json', 'application/pdf'];

// eslint-disable-next-line no-control-regex -- the escapes of a terminal begin with a control
const ANSI = /\x1b\[[0-9;]*[A-Za-z]/g;

export interface Outputs {
  /** The text of each output that has some. */
  texts: string[];
  pictures: (File | Drawing)[];
  left: LeftOut;
}

/**
 * Read a cell's outputs.
 *
 * @param name - what the outputs are of; the names of the pictures begin with it
 * @param most - the most pictures
 */
export function read(
  outputs: readonly nbformat.IOutput[],
  name: string,
  most = MOST_PICTURES
): Outputs {
  const found: Outputs = { texts: [], pictures: [], left: { ...NOTHING_LEFT_OUT } };
  for (const output of outputs) {
    const text = readOne(output, name, most, found);
    if (text) {
      found.texts.push(text);
    }
  }
  return found;
}

/** Whether outputs have more to attach than the text that their cell shows: pictures or tables. */
export function hasMore(outputs: readonly nbformat.IOutput[]): boolean {
  return outputs.map(dataOf).some(data => {
    return (
      [...PICTURES, DRAWN].some(kind => kind in data) || /<table/i.test(joined(data['text/html']))
    );
  });
}

/** The traceback of an error, or the text of a stream. */
export function plainOf(output: nbformat.IOutput): string {
  if (output.output_type === 'error') {
    const { traceback } = output as nbformat.IError;
    return (Array.isArray(traceback) ? traceback : []).join('\n').replace(ANSI, '');
  }
  return output.output_type === 'stream' ? joined(output.text).replace(ANSI, '') : '';
}

function readOne(output: nbformat.IOutput, name: string, most: number, found: Outputs): string {
  const data = dataOf(output);
  const kind = PICTURES.find(kind => kind in data);
  if (kind) {
    const bytes = bytesOf(joined(data[kind]));
    const type = kind.slice('image/'.length);
    return pictureOf(
      file => bytes && new File([bytes], file, { type: kind }),
      type,
      name,
      most,
      found
    );
  }
  if (DRAWN in data) {
    const svg = joined(data[DRAWN]);
    return pictureOf(file => svgDrawing(svg, file), 'png', name, most, found);
  }
  const tables = tablesIn(joined(data['text/html']));
  if (tables) {
    found.left.rows += tables.rows;
    found.left.columns += tables.columns;
    return tables.text;
  }
  if (UNSEEN.some(kind => kind in data)) {
    found.left.pictures++;
  }
  return plainOf(output) || joined(data['text/markdown']) || joined(data['text/plain']);
}

function pictureOf(
  make: (file: string) => File | Drawing | null,
  type: string,
  name: string,
  most: number,
  found: Outputs
): string {
  const number = found.pictures.length ? ` ${found.pictures.length + 1}` : '';
  const file = `${name}, picture${number}.${type}`;
  const picture = found.pictures.length < most ? make(file) : null;
  if (!picture) {
    found.left.pictures++;
    return PICTURE_LEFT_OUT;
  }
  found.pictures.push(picture);
  return attachedAs(file);
}

function dataOf(output: nbformat.IOutput): Record<string, unknown> {
  return (output.data ?? {}) as Record<string, unknown>;
}

/** A multi-line string of a notebook's file. */
function joined(text: unknown): string {
  const lines: unknown[] = Array.isArray(text) ? text : [text];
  return lines.filter(line => typeof line === 'string').join('');
}
