/**
 * The services that the view uses from the page around it: highlighting, formulas, and a notebook's
 * cells. JupyterLab has all of them; elsewhere the widget provides some itself.
 */
import type { Turn } from '../protocol-types';

/** Renders what plain HTML cannot. The functions get text, never HTML. */
export interface Typesetter {
  /** Load what formulas need, so that no answer has to wait for it. */
  prepare?(): void;
  /** Highlight code in an element that shows it plainly until then. */
  highlight(code: string, language: string, into: HTMLElement): void;
  /** Render a formula into an element. */
  typeset(tex: string, isDisplay: boolean, into: HTMLElement): void;
  /** Draw a diagram from its source; null if the language has no diagrams here. */
  draw?(source: string, language: string): Promise<HTMLElement> | null;
}

/** Actions on the code of an answer, always after a click by the user. */
export interface Cells {
  /** Whether there is a notebook to put code into. */
  readonly isThere: boolean;
  /** Whether the notebook in front can run a language. */
  canRun(language: string): boolean;
  /** Put code into a new cell below the active one. */
  insertBelow(code: string, language: string): void;
  /** Put code into the active cell, after the user has seen the difference. */
  replaceActive(code: string, language: string): void;
  /** Put code into a new cell below, and run it. */
  runBelow(code: string, language: string): void;
}

/** Changes of a notebook's cells that an answer proposes. */
export interface Proposals {
  /** Show the differences in the notebook, where the user accepts or refuses each. */
  review(turn: Turn): void;
}

/** A conversation as the data of a notebook's output. */
export interface Transcript {
  'text/html': string;
  'text/plain': string;
}

/** The transcripts that notebooks keep of their panels. */
export interface Transcripts {
  /** Put a transcript in the place of the one that has its mark, a CSS class. */
  keep(mark: string, transcript: Transcript): void;
}

/** The services for every chat on the page, including those in a notebook. */
export interface PageServices {
  cells?: Cells;
  proposals?: Proposals;
  typesetter?: Typesetter;
  transcripts?: Transcripts;
}

const SERVICES = Symbol.for('aqueduct-jupyter.services');

interface Page {
  [SERVICES]?: PageServices;
}

/** Offer services to every chat on the page. */
export function offer(services: PageServices): void {
  (globalThis as Page)[SERVICES] = { ...pageServices(), ...services };
}

/** Return the page's services; another bundle may have offered them. */
export function pageServices(): PageServices {
  return (globalThis as Page)[SERVICES] ?? {};
}
