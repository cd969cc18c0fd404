/** What stands in the text of a context for a picture of it; models read it. */

export const PICTURE_LEFT_OUT = '[a picture, left out]';

/** The place of a picture that goes along beside the text. */
export function attachedAs(name: string): string {
  return `[attached: ${name}]`;
}
