/** The popup with the parameters of the current conversation; what is empty is the upstream's. */
import type { JSX } from 'preact';
import { useId, useReducer } from 'preact/hooks';

import type { ConversationParameters } from '../carriers/parameters';
import type { ServerCarrier } from '../carriers/server';
import type { Words } from '../translation';
import { Icon } from '../view/icons';
import { Popup } from '../view/popup';

const EFFORTS = ['none', 'minimal', 'low', 'medium', 'high'];

interface ParametersProps {
  carrier: ServerCarrier;
  words: Words;
}

type Change = (change: Partial<ConversationParameters>) => void;

export function ParametersPopup({ carrier, words }: ParametersProps): JSX.Element {
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
      kind={`aqueduct-menu-down aqueduct-wide-menu${isSet ? ' aqueduct-is-set' : ''}`}
    >
      {() =>
        times > 0 && (
          <div class="aqueduct-parameters">
            <SystemField carrier={carrier} words={words} change={change} />
            <NumberField
              label={words.__('Temperature (0 to 2)')}
              value={parameters.temperature}
              most={2}
              step={0.1}
              words={words}
              set={temperature => change({ temperature })}
            />
            <NumberField
              label={words.__('Longest answer, in tokens')}
              value={parameters.max_tokens}
              least={1}
              step={1}
              words={words}
              set={tokens => change({ max_tokens: tokens })}
            />
            <EffortField parameters={parameters} words={words} change={change} />
            <FactsField carrier={carrier} words={words} change={change} />
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

function NumberField(props: {
  label: string;
  value: number | null;
  least?: number;
  most?: number;
  step: number;
  words: Words;
  set: (value: number | null) => void;
}): JSX.Element {
  const id = useId();
  return (
    <>
      <label for={id}>{props.label}</label>
      <input
        id={id}
        type="number"
        min={props.least ?? 0}
        max={props.most}
        step={props.step}
        value={props.value ?? ''}
        placeholder={props.words.__('The default')}
        onChange={({ currentTarget: input }) => {
          if (input.checkValidity()) {
            props.set(input.value === '' ? null : Number(input.value));
          } else {
            input.reportValidity();
          }
        }}
      />
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

function FactsField({ carrier, words, change }: ParametersProps & { change: Change }): JSX.Element {
  const { tells_facts: isTold } = carrier.current.parameters;
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
      <small>{carrier.facts() ?? words.__('No notebook is on the screen.')}</small>
    </>
  );
}
