/**
 * A kernel's variables, and what a model sees of one, read from untrusted JSON.
 *
 * The Python side is `aqueduct_jupyter/protocol/variables.py`.
 */
import { LONGEST_SENTENCE, plainText } from '../model/plain-text';
import type { Context } from '../protocol-types';
import type { Words } from '../translation';
import { listIn, objectIn, textIn, textsIn } from './json';

export interface Variable {
  /** Unchanged, because it is sent back. */
  name: string;
  type: string;
  shape: string;
}

export function variablesIn(value: unknown): Variable[] {
  return listIn(value)
    .map(objectIn)
    .map(({ name, type, shape }) => ({
      name: textIn(name),
      type: plainText(type),
      shape: plainText(shape)
    }))
    .filter(({ name }) => name);
}

/** What a model sees of a variable: its text, and its pictures and files. */
export function contextOf(value: unknown, words: Words): Context {
  const fields = objectIn(value);
  const name = textIn(fields.name) || words.__('variable');
  const files = listIn(fields.files).map(objectIn);
  return {
    kind: 'variable',
    name,
    text: textIn(fields.text),
    cut: textsIn(fields.cut).map(what => plainText(what, LONGEST_SENTENCE)),
    pictures: files.flatMap(({ name: file, media_type: type, data }) => {
      const bytes = bytesOf(textIn(data));
      const named = plainText(file) || name;
      return bytes ? [new File([bytes], named, { type: textIn(type) })] : [];
    })
  };
}

/** The bytes of a base64 text; null if it is none. */
export function bytesOf(base64: string): Uint8Array<ArrayBuffer> | null {
  try {
    return Uint8Array.from(atob(base64.trim()), letter => letter.charCodeAt(0));
  } catch {
    return null;
  }
}
