/** How the questions of a conversation are asked: its parameters, read from untrusted JSON. */
import { countOrNull, objectIn, plainOrNull, textOrNull } from './json';

/** Null leaves it to the upstream, or to the setting of the system message. */
export interface ConversationParameters {
  system: string | null;
  temperature: number | null;
  /** The most tokens of an answer. */
  max_tokens: number | null;
  reasoning_effort: string | null;
  /** Whether the model is told about the notebook that the user sees. */
  tells_facts: boolean;
}

/** Whoever asks the questions of a conversation with its parameters. */
export interface ParametersOwner {
  /** The conversation that is shown; the same object for as long as it is. */
  readonly current: { readonly parameters: ConversationParameters };
  /** The system message where the conversation has none of its own. */
  readonly system: string | null;
  /** What the model may know about the notebook that the user sees, where it is told. */
  readonly facts?: () => string | null;
  /** Have the conversation be asked with other parameters. */
  setParameters(parameters: ConversationParameters): void;
}

export const NO_PARAMETERS: ConversationParameters = {
  system: null,
  temperature: null,
  max_tokens: null,
  reasoning_effort: null,
  tells_facts: true
};

export function parametersIn(value: unknown): ConversationParameters {
  const fields = objectIn(value);
  const { temperature } = fields;
  return {
    system: textOrNull(fields.system),
    temperature: Number.isFinite(temperature) ? (temperature as number) : null,
    max_tokens: countOrNull(fields.max_tokens),
    reasoning_effort: plainOrNull(fields.reasoning_effort),
    tells_facts: fields.tells_facts !== false
  };
}
