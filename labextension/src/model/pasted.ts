/** A long text that was pasted: it goes along as an attachment, out of the way of the question. */

/** From how many characters on a pasted text is attached. */
export const LONG_PASTE = 50_000;

/** What a model reads as the name of a pasted text, and the user too. */
export function pastedName(taken: readonly string[]): string {
  let name = 'pasted text';
  for (let number = 2; taken.includes(name); number++) {
    name = `pasted text ${number}`;
  }
  return name;
}
