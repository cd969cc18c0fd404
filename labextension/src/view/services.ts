/**
 * This file is what the view takes from the page around it: colours for code, formulas, and a
 * notebook's cells. JupyterLab has all of them; elsewhere the widget brings some itself.
 */

/** Draws what plain HTML does not. Both are given text, never HTML. */
export interface Typesetter {
  /** Load what drawing needs, so that no answer waits for it. */
  prepare?(): void;
  /** Put code in colours into an element that shows it plainly until then. */
  highlight(code: string, language: string, into: HTMLElement): void;
  /** Put a formula into an element. */
  typeset(tex: string, isDisplay: boolean, into: HTMLElement): void;
}

/** What may be done with the code of an answer, always at the user's own click. */
export interface Cells {
  /** Whether there is a notebook to put code into. */
  readonly isThere: boolean;
  /** Put code into a new cell below the active one. */
  insertBelow(code: string): void;
  /** Put code into the active cell, after the user has seen the difference. */
  replaceActive(code: string): void;
  /** Put code into a new cell below, and run it. */
  runBelow(code: string): void;
}

/** What the page has for every chat on it, a notebook's as well. */
export interface PageServices {
  cells?: Cells;
  typesetter?: Typesetter;
}

const SERVICES = Symbol.for('aqueduct-jupyter.services');

interface Page {
  [SERVICES]?: PageServices;
}

/** Offer something to every chat on the page. */
export function offer(services: PageServices): void {
  (globalThis as Page)[SERVICES] = { ...pageServices(), ...services };
}

/** Give what the page offers; another bundle than ours may have offered it. */
export function pageServices(): PageServices {
  return (globalThis as Page)[SERVICES] ?? {};
}
