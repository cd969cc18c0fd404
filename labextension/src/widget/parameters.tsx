/** The popup with the parameters of a panel's conversation, which its kernel tells. */
import type { JSX } from 'preact';
import { useLayoutEffect, useReducer } from 'preact/hooks';

import type { KernelCarrier } from '../carriers/kernel';
import type { Words } from '../translation';
import { ParametersPopup } from '../view/parameters';

export function PanelParameters(props: { carrier: KernelCarrier; words: Words }): JSX.Element {
  const [, draw] = useReducer((count: number) => count + 1, 0);
  useLayoutEffect(() => props.carrier.set.connect(() => draw(null)), [props.carrier]);
  return <ParametersPopup {...props} />;
}
