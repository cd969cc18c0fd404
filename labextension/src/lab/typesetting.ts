/** Highlighting, formulas and diagrams, by what JupyterLab itself renders them with. */
import type { IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import type { IMermaidManager } from '@jupyterlab/mermaid';
import type { ILatexTypesetter } from '@jupyterlab/rendermime';

import { inFrameWithRoom } from '../view/frames';
import { whenNear } from '../view/near-screen';
import type { Typesetter } from '../view/services';

export class LabTypesetter implements Typesetter {
  private readonly _formulas: HTMLElement[] = [];

  constructor(
    private readonly _languages: IEditorLanguageRegistry | null,
    private readonly _latex: ILatexTypesetter | null,
    private readonly _mermaid: IMermaidManager | null = null
  ) {}

  prepare(): void {
    // JupyterLab loads MathJax for the first formula that it gets.
    const formula = document.createElement('span');
    formula.textContent = '\\(\\bar{x} = \\frac{1}{n}\\sum_i x_i\\)';
    this._typeset(formula);
  }

  highlight(code: string, language: string, into: HTMLElement): void {
    const found = this._languages?.findByName(language) ?? this._languages?.findBest(language);
    if (!found) {
      return;
    }
    const drawn = document.createElement('span');
    this._languages!.highlight(code, found, drawn).then(
      () => {
        // If the result is incomplete, the plain code stays.
        if (drawn.textContent === code) {
          into.replaceChildren(drawn);
        }
      },
      () => undefined // The code stays readable without highlighting.
    );
  }

  typeset(tex: string, isDisplay: boolean, into: HTMLElement): void {
    if (!this._latex) {
      return;
    }
    into.textContent = isDisplay ? `\\[${tex}\\]` : `\\(${tex}\\)`;
    // MathJax measures the surrounding text, which is not on the page yet.
    whenNear(into, () => {
      if (this._formulas.push(into) === 1) {
        inFrameWithRoom(this._typesetNext);
      }
    });
  }

  draw(source: string, language: string): Promise<HTMLElement> | null {
    return language.toLowerCase() === 'mermaid' && this._mermaid
      ? figureOf(this._mermaid, source)
      : null;
  }

  private _typeset(node: HTMLElement): void {
    // If it fails, the formula's source stays readable.
    Promise.resolve(this._latex?.typeset(node)).catch(() => undefined);
  }

  /** Typeset one formula per frame: each makes the browser lay out the page. */
  private readonly _typesetNext = (): void => {
    this._typeset(this._formulas[0]!);
    this._formulas.shift();
    if (this._formulas.length) {
      inFrameWithRoom(this._typesetNext);
    }
  };
}

/** Within an image, nothing of the drawing can run or load. */
async function figureOf(mermaid: IMermaidManager, source: string): Promise<HTMLElement> {
  const { svg, width, accessibleTitle, accessibleDescription } = await mermaid.renderSvg(source);
  const image = document.createElement('img');
  image.src = `data:image/svg+xml,${encodeURIComponent(svg)}`;
  image.alt = accessibleTitle ?? accessibleDescription ?? source;
  if (width) {
    image.width = width;
  }
  return image;
}
