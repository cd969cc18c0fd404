/** This file is the clipboard, also on pages without TLS, where browsers keep the new way shut. */

import type { Words } from '../translation';

/**
 * Copy text.
 *
 * @throws Error with a sentence for the user
 */
export async function copyText(text: string, words: Words): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    if (!copyTheOldWay(text)) {
      throw new Error(
        words.__('The browser did not let the text be copied. Select it, and copy it yourself.')
      );
    }
  }
}

/** Gives whether the browser let it. */
function copyTheOldWay(text: string): boolean {
  const area = document.createElement('textarea');
  area.value = text;
  area.style.position = 'fixed';
  area.style.opacity = '0';
  const before = document.activeElement as HTMLElement | null;
  document.body.append(area);
  area.select();
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- nothing newer works without TLS
  const isCopied = document.execCommand('copy');
  area.remove();
  before?.focus();
  return isCopied;
}
