import { defineConfig } from 'vitest/config';

/**
 * Files that need a page of their own: they draw what ends after them, listen on the window, or are
 * the first to look at what comes near.
 */
const ALONE = [
  'tests/hostile/*.test.ts',
  'tests/lab/last-change.test.ts',
  'tests/view/near-screen.test.ts'
];

export default defineConfig({
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  test: {
    environment: 'jsdom',
    setupFiles: ['tests/browser.ts'],
    // JupyterLab's packages are written for a bundler.
    server: { deps: { inline: [/@jupyterlab/, /@jupyter\//, /@lumino/, /@rjsf/] } },
    // A page and JupyterLab's packages take a second to load, so most files share them. The others
    // come after them: in between, each would end the process that has what is shared.
    projects: [
      { extends: true, test: { name: 'alone', include: ALONE, sequence: { groupOrder: 1 } } },
      {
        extends: true,
        test: {
          name: 'shared',
          include: ['tests/**/*.test.ts'],
          exclude: ALONE,
          isolate: false
        }
      }
    ]
  }
});
