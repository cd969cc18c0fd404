/** The popup with the parameters of the current conversation; what is empty is the upstream's. */
import type { JSX } from 'preact';
import { useId, useLayoutEffect, useReducer, useState } from 'preact/hooks';

import type { ConversationParameters, ParametersOwner } from '../carriers/parameters';
import type { Words } from '../translation';
import { Icon } from './icons';
import { Popup } from './popup';

const EFFORTS = ['none', 'minimal', 'low', 'medium', 'high'];

interface ParametersProps {
  carrier: ParametersOwner;
  words: Words;
}

type Change = (change: Partial<ConversationParameters>) => void;

export function ParametersPopup({
  carrier,
  words,
  kind = ''
}: ParametersProps & { kind?: string }): JSX.Element {
  // Drawn when it is opened: another notebook may be on the screen by then.
  const [times, open] = useReducer((count: number) => count + 1, 0);
  const { parameters } = carrier.current;
  const change: Change = changed => carrier.setParameters({ ...parameters, ...changed });
  const isSet = Object.values(parameters).some(value => value !== null && value !== true);
  return (
    <Popup
      label={isSet ? words.__('Parameters (changed)') : words.__('Parameters')}
      face={<Icon name="tune" />}
      onOpen={() => open(null)}
      kind={`aqueduct-wide-menu ${kind}${isSet ? ' aqueduct-is-set' : ''}`}
    >
      {() =>
        times > 0 && (
          <div class="aqueduct-parameters">
            <SystemField carrier={carrier} words={words} change={change} />
            <NumberField
              label={words.__('Temperature (0 to 2)')}
              value={parameters.temperature}
              allowed={words.__('Only 0 to 2 is allowed.')}
              least={0}
              most={2}
              step={0.1}
              carrier={carrier}
              words={words}
              set={temperature => change({ temperature })}
            />
            <NumberField
              label={words.__('Longest answer, in tokens')}
              value={parameters.max_tokens}
              allowed={words.__('Only whole numbers from 1 are allowed.')}
              least={1}
              most={Number.MAX_SAFE_INTEGER}
              step={1}
              carrier={carrier}
              words={words}
              set={tokens => change({ max_tokens: tokens })}
            />
            <EffortField parameters={parameters} words={words} change={change} />
            {carrier.facts && (
              <FactsField
                isTold={parameters.tells_facts}
                facts={carrier.facts()}
                words={words}
                change={change}
              />
            )}
          </div>
        )
      }
    </Popup>
  );
}

function SystemField({
  carrier,
  words,
  change
}: ParametersProps & { change: Change }): JSX.Element {
  const id = useId();
  return (
    <>
      <label for={id}>{words.__('System message')}</label>
      <textarea
        id={id}
        rows={3}
        value={carrier.current.parameters.system ?? ''}
        placeholder={carrier.system ?? words.__('None')}
        onChange={event => change({ system: event.currentTarget.value.trim() || null })}
      />
    </>
  );
}

/** What is typed in a field that is wrong, or that was wrong and is being corrected. */
interface Correction {
  text: string;
  isWrong: boolean;
}

function NumberField(props: {
  label: string;
  value: number | null;
  /** What is said of anything else. */
  allowed: string;
  least: number;
  most: number;
  step: number;
  carrier: ParametersOwner;
  words: Words;
  set: (value: number | null) => void;
}): JSX.Element {
  const { label, value, allowed, least, most, step, carrier, words, set } = props;
  const id = useId();
  const [correction, correct] = useState<Correction | null>(null);
  // Another conversation, or another window's number, takes the place of what was wrong.
  useLayoutEffect(() => correct(null), [carrier.current, value]);
  const correctionIn = (input: HTMLInputElement): Correction => {
    const { value: text, validity } = input;
    const isInside = text === '' || (Number(text) >= least && Number(text) <= most);
    const isWhole = step !== 1 || Number.isInteger(Number(text));
    return { text, isWrong: validity.badInput || !isInside || !isWhole };
  };
  const finish = (input: HTMLInputElement): void => {
    const made = correctionIn(input);
    correct(made.isWrong ? made : null);
    const number = made.text === '' ? null : Number(made.text);
    if (!made.isWrong && number !== value) {
      set(number);
    }
  };
  const isWrong = correction?.isWrong === true;
  return (
    <>
      <label for={id}>{label}</label>
      <input
        id={id}
        type="number"
        min={least}
        max={most}
        step={step}
        value={correction?.text ?? value ?? ''}
        placeholder={words.__('The default')}
        aria-invalid={isWrong}
        aria-describedby={isWrong ? `${id}-wrong` : undefined}
        onInput={({ currentTarget: input }) => {
          if (correction) {
            correct(correctionIn(input));
          }
        }}
        onChange={({ currentTarget: input }) => finish(input)}
        onKeyDown={event => {
          if (event.key === 'Enter') {
            // Otherwise a form around could send the question.
            event.preventDefault();
            finish(event.currentTarget);
          }
        }}
      />
      {isWrong && (
        <small id={`${id}-wrong`} role="alert">
          {allowed}{' '}
          {value === null
            ? words.__('Until then the default applies.')
            : words.__('Until then %1 applies.', value)}
        </small>
      )}
    </>
  );
}

function EffortField(props: {
  parameters: ConversationParameters;
  words: Words;
  change: Change;
}): JSX.Element {
  const id = useId();
  const { reasoning_effort: effort } = props.parameters;
  const known = effort === null || EFFORTS.includes(effort) ? EFFORTS : [...EFFORTS, effort];
  return (
    <>
      <label for={id}>{props.words.__('Reasoning effort')}</label>
      <select
        id={id}
        value={effort ?? ''}
        onChange={event => props.change({ reasoning_effort: event.currentTarget.value || null })}
      >
        <option value="">{props.words.__('The default')}</option>
        {known.map(name => (
          <option key={name} value={name}>
            {name}
          </option>
        ))}
      </select>
    </>
  );
}

function FactsField(props: {
  isTold: boolean;
  facts: string | null;
  words: Words;
  change: Change;
}): JSX.Element {
  const { isTold, facts, words, change } = props;
  return (
    <>
      <label class="aqueduct-check">
        <input
          type="checkbox"
          checked={isTold}
          onChange={event => change({ tells_facts: event.currentTarget.checked })}
        />
        {words.__('Add facts about the notebook')}
      </label>
      <small>{facts ?? words.__('No notebook is on the screen.')}</small>
    </>
  );
}
