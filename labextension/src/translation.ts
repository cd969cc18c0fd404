/**
 * Text for users: from JupyterLab's translation, or the English text in the code.
 *
 * All text for users goes through `Words`. Messages from an upstream or the server are not
 * translated; `model/plain-text.ts` makes them safe to display.
 */

/** Translates text; `%1`, `%2` and so on are the values. JupyterLab's `TranslationBundle` is one. */
export interface Words {
  __(sentence: string, ...values: (string | number)[]): string;
  /** The singular or plural form for a count; `%1` is the count. */
  _n(one: string, many: string, count: number, ...values: (string | number)[]): string;
}

export const ENGLISH: Words = {
  __: (sentence, ...values) =>
    sentence.replace(/%(\d)/g, (_, number: string) => String(values[Number(number) - 1] ?? '')),
  _n: (one, many, count, ...values) => ENGLISH.__(count === 1 ? one : many, count, ...values)
};
