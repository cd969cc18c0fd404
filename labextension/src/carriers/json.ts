/**
 * Typed access to untrusted JSON, with a fallback for each wrong type.
 *
 * Callers interpret the values.
 */
import { plainText } from '../model/plain-text';

export type JSONObject = Record<string, unknown>;

export function isObject(value: unknown): value is JSONObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function objectIn(value: unknown): JSONObject {
  return isObject(value) ? value : {};
}

export function listIn(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

/** The strings of a list, unchanged. */
export function textsIn(value: unknown): string[] {
  return listIn(value).filter(text => typeof text === 'string');
}

export function textIn(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

export function textOrNull(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

/** A text that is safe to display, or null. */
export function plainOrNull(value: unknown, most?: number): string | null {
  return plainText(value, most) || null;
}

export function numberIn(value: unknown, otherwise = 0): number {
  return Number.isFinite(value) ? (value as number) : otherwise;
}

/** A count, or null if the value cannot be one. */
export function countOrNull(value: unknown): number | null {
  return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : null;
}
