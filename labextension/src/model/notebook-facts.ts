/** What a model is told about the notebook that the user sees, beside the system message. */
import { plainText } from './plain-text';

/** Longest path and names, in characters. */
const LONGEST = 300;

export interface NotebookFacts {
  path: unknown;
  kernel: unknown;
  language: unknown;
}

/** The facts in English, as the model reads them; names are plain text. */
export function notebookFacts({ path, kernel, language }: NotebookFacts): string {
  const name = plainText(path, LONGEST);
  const runs = plainText(kernel, LONGEST);
  const written = plainText(language, LONGEST);
  const facts = [
    `The user works in the Jupyter notebook "${name}".`,
    runs && `Its kernel is "${runs}".`,
    written && `Its code is ${written}.`,
    'The user can put code blocks of your answer into its cells.'
  ];
  return facts.filter(Boolean).join(' ');
}
