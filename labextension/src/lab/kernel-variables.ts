/**
 * The variables of the kernel in front, described in the kernel by what describes them for
 * `%%chat --with`.
 *
 * They are asked for with an expression of a silent request, which is not code: no cell is added,
 * nothing is numbered or kept in `In`, `Out` or `_`, and what a cell defines stays as it is.
 */
import { PathExt } from '@jupyterlab/coreutils';
import type { Kernel } from '@jupyterlab/services';

import { contextOf, variablesIn, type Variable } from '../carriers/variables';
import { isObject, objectIn, textIn, type JSONObject } from '../carriers/json';
import type { ChatModel } from '../model/chat';
import type { Mention, MentionGroup, MentionSource } from '../model/mentions';
import { plainText } from '../model/plain-text';
import type { Words } from '../translation';
import type { DocumentInFront } from './document-in-front';

/** What the kernel's module sends its results as. */
const KIND = 'application/vnd.aqueduct.variables+json';
const MODULE = 'aqueduct_jupyter.kernel.variables';

/** How long a kernel may take to name its variables, and to describe one. */
const LIST_MS = 5_000;
const DESCRIBE_MS = 60_000;

export class KernelVariables implements MentionSource {
  readonly rank = 1;

  constructor(
    private readonly _front: DocumentInFront,
    private readonly _model: ChatModel,
    private readonly _words: Words
  ) {}

  async list(): Promise<MentionGroup | null> {
    const { kernel } = this._front;
    if (!kernel) {
      return null;
    }
    const label = this._words.__('Variables of %1', plainText(PathExt.basename(kernel.path)));
    try {
      const answer = await this._ask(kernel.connection, 'listed()', LIST_MS);
      const mentions = variablesIn(answer.variables).map(variable =>
        this._mention(variable, kernel.connection, kernel.path)
      );
      return { label, mentions };
    } catch (error) {
      return { label, mentions: [], note: error instanceof Error ? error.message : String(error) };
    }
  }

  private _mention(variable: Variable, kernel: Kernel.IKernelConnection, path: string): Mention {
    const { name, type, shape } = variable;
    return {
      id: `variable-${name}`,
      kind: 'variable',
      label: name,
      detail: [type, shape].filter(Boolean).join(' '),
      attach: async () => {
        // Another conversation may be open when the kernel answers.
        const { draft } = this._model;
        const call = `described(${JSON.stringify(name)})`;
        const answer = await this._ask(kernel, call, DESCRIBE_MS);
        const context = contextOf(answer, this._words);
        const of = PathExt.basename(path);
        draft.add({ ...context, name: `${context.name} of ${of}` });
      }
    };
  }

  private async _ask(
    kernel: Kernel.IKernelConnection,
    call: string,
    timeout: number
  ): Promise<JSONObject> {
    const { language_info: language } = await kernel.info;
    if (language.name !== 'python') {
      throw new Error(this._words.__('only those of a Python kernel can be attached.'));
    }
    if (kernel.status !== 'idle') {
      throw this._busy();
    }
    const answer = await this._evaluate(kernel, call, timeout);
    const data = objectIn(objectIn(answer).data)[KIND];
    if (!isObject(data)) {
      throw new Error(
        this._words.__(
          'aqueduct-jupyter is not installed in this kernel. Run %pip install aqueduct-jupyter in it.'
        )
      );
    }
    if (data.error) {
      throw new Error(plainText(textIn(data.error), 500));
    }
    return data;
  }

  private async _evaluate(
    kernel: Kernel.IKernelConnection,
    call: string,
    timeout: number
  ): Promise<unknown> {
    // An expression that fails would become the kernel's last error, so nothing is imported that
    // is not there.
    const module = `__import__("importlib").import_module("${MODULE}")`;
    const isThere = '__import__("importlib.util").util.find_spec("aqueduct_jupyter")';
    const future = kernel.requestExecute({
      code: '',
      silent: true,
      store_history: false,
      allow_stdin: false,
      stop_on_error: false,
      user_expressions: { found: `${isThere} and ${module}.${call}` }
    });
    let timer = 0;
    const late = new Promise<never>((_, reject) => {
      timer = window.setTimeout(() => reject(this._busy()), timeout);
    });
    try {
      const { content } = await Promise.race([future.done, late]);
      return objectIn(objectIn(content).user_expressions).found;
    } finally {
      window.clearTimeout(timer);
      future.dispose();
    }
  }

  private _busy(): Error {
    return new Error(
      this._words.__('the kernel is busy; its variables can be attached once it is idle.')
    );
  }
}
