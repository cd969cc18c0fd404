/**
 * Sentences for people: from JupyterLab's translation, or in English as they stand in the code.
 *
 * Every sentence that a person reads goes through `Words`. Those that an upstream or the server
 * says come as they are; `model/plain-text.ts` makes them fit to be shown.
 */

/** Translates sentences; `%1` and on stand for the values. JupyterLab's `TranslationBundle` is one. */
export interface Words {
  __(sentence: string, ...values: (string | number)[]): string;
  /** The form that a count asks for; `%1` is the count. */
  _n(one: string, many: string, count: number, ...values: (string | number)[]): string;
}

export const ENGLISH: Words = {
  __: (sentence, ...values) =>
    sentence.replace(/%(\d)/g, (_, number: string) => String(values[Number(number) - 1] ?? '')),
  _n: (one, many, count, ...values) => ENGLISH.__(count === 1 ? one : many, count, ...values)
};
