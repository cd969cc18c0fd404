/** The bar above a code block: its language, and buttons for what can be done with it. */
import { render, type JSX } from 'preact';
import { useState } from 'preact/hooks';

import type { Words } from '../translation';
import { copyText } from './clipboard';
import { IconButton } from './icons';
import { pageServices } from './services';

/** How long the result of copying is shown, in milliseconds. */
const SAID_MS = 1500;

/** Render the bar of a code block. */
export function codeBar(code: string, language: string, words: Words): HTMLElement {
  const bar = document.createElement('div');
  bar.className = 'aqueduct-code-bar';
  render(<CodeBar code={code} language={language} words={words} />, bar);
  return bar;
}

function CodeBar(props: { code: string; language: string; words: Words }): JSX.Element {
  const { code, language, words } = props;
  const [said, say] = useState<string | null>(null);
  const copy = (): void => {
    const tell = (sentence: string): void => {
      say(sentence);
      window.setTimeout(() => say(null), SAID_MS);
    };
    copyText(code, words).then(
      () => tell(words.__('Copied')),
      () => tell(words.__('Not copied'))
    );
  };
  const { cells } = pageServices();
  return (
    <>
      <span>{said ?? language}</span>
      <IconButton icon="copy" label={words.__('Copy')} act={copy} />
      {cells && code.trim() !== '' && (
        <>
          <IconButton
            icon="insert"
            label={words.__('Insert below')}
            act={() => cells.insertBelow(code, language)}
          />
          <IconButton
            icon="replace"
            label={words.__('Replace the active cell…')}
            act={() => cells.replaceActive(code, language)}
          />
          {cells.canRun(language) && (
            <IconButton
              icon="run"
              label={words.__('Run in a new cell')}
              act={() => cells.runBelow(code, language)}
            />
          )}
        </>
      )}
    </>
  );
}
