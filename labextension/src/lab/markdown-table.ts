/**
 * The tables of an output's HTML as Markdown, which models read better than HTML.
 *
 * The HTML is only parsed, in a document that loads and runs nothing, and only its text is taken.
 */

/** The most tables, rows and columns of one output. */
const MOST_TABLES = 5;
const MOST_ROWS = 100;
const MOST_COLUMNS = 40;

/** The longest HTML that is parsed, and the longest text beside a table, in characters. */
const LONGEST_HTML = 2_000_000;
const LONGEST_REST = 400;

export interface Tables {
  /** The tables in Markdown, and the text beside them, such as pandas' "200 rows × 3 columns". */
  text: string;
  /** How many rows and columns were left out. */
  rows: number;
  columns: number;
}

/** Read the tables in an output's HTML; null if there are none. */
export function tablesIn(html: string): Tables | null {
  if (html.length > LONGEST_HTML || !/<table/i.test(html)) {
    return null;
  }
  const { body } = new DOMParser().parseFromString(html, 'text/html');
  const tables = [...body.querySelectorAll('table')]
    .filter(table => !table.parentElement!.closest('table'))
    .slice(0, MOST_TABLES)
    .map(tableOf)
    .filter(table => table !== null);
  if (!tables.length) {
    return null;
  }
  body.querySelectorAll('table,style,script').forEach(node => node.remove());
  const rest = lineOf(body.textContent).slice(0, LONGEST_REST);
  return {
    text: [...tables.map(({ text }) => text), ...(rest ? [rest] : [])].join('\n\n'),
    rows: tables.reduce((sum, { rows }) => sum + rows, 0),
    columns: Math.max(...tables.map(({ columns }) => columns))
  };
}

function tableOf(table: HTMLTableElement): Tables | null {
  const all = [...table.rows].filter(row => row.cells.length);
  const grid = gridOf(all.slice(0, MOST_ROWS));
  const heads = all.findIndex(row => !isHead(row));
  const head = grid.slice(0, heads < 0 ? 1 : heads);
  const width = Math.max(0, ...grid.map(row => row.length));
  if (!width) {
    return null;
  }
  const titles = Array.from({ length: width }, (_, column) =>
    // A named index has a row of its own below the columns' names.
    [...new Set(head.map(row => row[column] ?? ''))].filter(Boolean).join(' / ')
  );
  const lines = [titles, titles.map(() => '---'), ...grid.slice(head.length)].map(row =>
    Array.from({ length: Math.min(width, MOST_COLUMNS) }, (_, column) => row[column] ?? '')
  );
  return {
    text: lines.map(cells => `| ${cells.join(' | ')} |`).join('\n'),
    rows: Math.max(0, all.length - MOST_ROWS),
    columns: Math.max(0, width - MOST_COLUMNS)
  };
}

function isHead(row: HTMLTableRowElement): boolean {
  return row.closest('thead') !== null || [...row.cells].every(cell => cell.tagName === 'TH');
}

/** The cells' texts by row and column; one that spans several is repeated in each. */
function gridOf(rows: readonly HTMLTableRowElement[]): string[][] {
  const grid: (string | undefined)[][] = rows.map(() => []);
  rows.forEach((row, top) => {
    let left = 0;
    for (const cell of row.cells) {
      while (grid[top]![left] !== undefined) {
        left++;
      }
      const text = lineOf(cell.textContent).replace(/\|/g, '\\|');
      const right = left + Math.min(cell.colSpan, MOST_COLUMNS);
      const bottom = Math.min(rows.length, top + cell.rowSpan);
      for (let down = top; down < bottom; down++) {
        for (let column = left; column < right; column++) {
          grid[down]![column] = text;
        }
      }
      left = right;
    }
  });
  return grid.map(row => Array.from(row, text => text ?? ''));
}

function lineOf(text: string | null): string {
  return (text ?? '').replace(/\s+/g, ' ').trim();
}
