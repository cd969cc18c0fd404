/**
 * Syntax highlighting and formulas without JupyterLab: in VS Code and Colab. Formulas become MathML,
 * which browsers render without extra fonts.
 */
import hljs from 'highlight.js/lib/core';
import bash from 'highlight.js/lib/languages/bash';
import cpp from 'highlight.js/lib/languages/cpp';
import javascript from 'highlight.js/lib/languages/javascript';
import json from 'highlight.js/lib/languages/json';
import julia from 'highlight.js/lib/languages/julia';
import python from 'highlight.js/lib/languages/python';
import r from 'highlight.js/lib/languages/r';
import sql from 'highlight.js/lib/languages/sql';
import xml from 'highlight.js/lib/languages/xml';
import yaml from 'highlight.js/lib/languages/yaml';
import temml from 'temml';

import type { Typesetter } from '../view/services';

const LANGUAGES = { bash, cpp, javascript, json, julia, python, r, sql, xml, yaml };

for (const [name, language] of Object.entries(LANGUAGES)) {
  hljs.registerLanguage(name, language);
}

export const widgetTypesetter: Typesetter = {
  highlight(code, language, into) {
    if (hljs.getLanguage(language)) {
      // highlight.js escapes the code, and adds only spans with classes.
      into.innerHTML = hljs.highlight(code, { language, ignoreIllegals: true }).value;
    }
  },
  typeset(tex, isDisplay, into) {
    temml.render(tex, into, { displayMode: isDisplay, throwOnError: false, trust: false });
  }
};
