/**
 * A code block of an answer -> the cell that it becomes.
 *
 * The languages are the same as in the kernel's `code_answer.py`. Where the cell goes is decided in
 * `lab/`.
 */

export interface CellSource {
  kind: 'code' | 'markdown';
  source: string;
  /** Whether running the cell runs the code. */
  canRun: boolean;
}

const PYTHON = ['python', 'python3', 'py', 'py3', 'ipython', 'ipython3', 'pycon', 'pyi'];
const SHELL = ['bash', 'sh', 'shell', 'zsh', 'console', 'shell-session', 'shellsession'];

/** The cell magics of IPython for other languages. */
const MAGICS: Record<string, string> = {
  ...Object.fromEntries(SHELL.map(name => [name, 'bash'])),
  sql: 'sql',
  html: 'html',
  javascript: 'javascript',
  js: 'javascript',
  latex: 'latex',
  tex: 'latex',
  svg: 'svg',
  perl: 'perl',
  ruby: 'ruby',
  r: 'R'
};

const PYTHON_PROMPT = /^(?:>>>|\.\.\.) ?/;
const SHELL_PROMPT = /^[$%#] /;
const PIP = /^(?:pip3?|python3? -m pip) (?=install )/;

/**
 * Return the cell for a code block.
 *
 * @param code - the block's text
 * @param language - the first word of its info string; '' if it has none
 * @param kernel - the notebook's language, for instance `python`; '' if it is not known
 */
export function cellSource(code: string, language: string, kernel = 'python'): CellSource {
  const name = language.toLowerCase();
  const here = kernel.toLowerCase() || 'python';
  const isPython = PYTHON.includes(here);
  if (name === 'markdown' || name === 'md') {
    return { kind: 'markdown', source: code, canRun: false };
  }
  if (isPython && PYTHON.includes(name)) {
    return runnable(typedLines(code, PYTHON_PROMPT));
  }
  if (name === '' || name === here) {
    return runnable(isPython ? typedLines(code, PYTHON_PROMPT) : code);
  }
  const magic = MAGICS[name];
  if (isPython && magic) {
    return runnable(withMagic(SHELL.includes(name) ? typedLines(code, SHELL_PROMPT) : code, magic));
  }
  return { kind: 'markdown', source: fenced(code, language), canRun: false };
}

/** Return the code blocks of Markdown in a fence that no line of the code can close. */
export function fenced(code: string, info: string): string {
  const longest = Math.max(2, ...(code.match(/`+/g) ?? []).map(run => run.length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}${info}\n${code}\n${fence}`;
}

function runnable(source: string): CellSource {
  return { kind: 'code', source, canRun: true };
}

/** Only pip itself installs into the kernel's environment. */
function withMagic(code: string, magic: string): string {
  const lines = code.split('\n').filter(line => line.trim());
  if (magic === 'bash' && lines.length > 0 && lines.every(line => PIP.test(line))) {
    return lines.map(line => line.replace(PIP, '%pip ')).join('\n');
  }
  // Some models write the magic, too.
  return new RegExp(`^\\s*%%${magic}\\b`).test(code) ? code : `%%${magic}\n${code}`;
}

/** The typed lines of a session; code without prompts stays as it is. */
function typedLines(code: string, prompt: RegExp): string {
  const lines = code.split('\n');
  if (!prompt.test(lines[0] ?? '')) {
    return code;
  }
  const typed = lines.filter(line => prompt.test(line));
  return typed.map(line => line.replace(prompt, '')).join('\n');
}
