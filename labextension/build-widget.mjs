// Builds the widget's bundle: one module and one style sheet, which the Python package reads.
import { build } from 'esbuild';

const options = {
  bundle: true,
  charset: 'utf8',
  legalComments: 'none',
  logLevel: 'warning',
  minify: true,
  target: 'es2022'
};
const folder = '../aqueduct_jupyter/widget';

await build({
  ...options,
  entryPoints: ['src/widget/index.ts'],
  format: 'esm',
  jsx: 'automatic',
  jsxImportSource: 'preact',
  outfile: `${folder}/panel.js`
});
await build({ ...options, entryPoints: ['style/index.css'], outfile: `${folder}/panel.css` });
