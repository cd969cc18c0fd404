/** The view's icons: line drawings in the colour of the surrounding text. */
import type { JSX } from 'preact';

const PATHS = {
  attach:
    'M19 11.5 12 18.5a4.2 4.2 0 0 1-6-6l7.5-7.5a2.8 2.8 0 0 1 4 4L10 16.5a1.4 1.4 0 0 1-2-2l6.5-6.5',
  close: 'M6 6l12 12M18 6 6 18',
  copy: 'M9 9h10v11H9zM5 15V4h10',
  edit: 'M4 20l1-4L16 5l3 3L8 19zM14 7l3 3',
  remove: 'M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13M10 11v5M14 11v5',
  repeat: 'M5 12a7 7 0 0 1 12-5l2 2M19 5v4h-4M19 12a7 7 0 0 1-12 5l-2-2M5 19v-4h4',
  send: 'M12 19V5M6 11l6-6 6 6',
  stop: 'M7 7h10v10H7z',
  insert: 'M5 5h14v5H5zM12 14v6M9 17h6',
  replace: 'M5 4h14v6H5zM5 14h14v6H5zM9 10l3 4 3-4',
  run: 'M8 5l11 7-11 7z',
  add: 'M12 5v14M5 12h14',
  tune: 'M4 7h9M17 7h3M4 17h3M11 17h9M13 5v4M7 15v4',
  list: 'M5 7h14M5 12h14M5 17h14',
  open: 'M8 10l4 4 4-4',
  pin: 'M9 4h6l-1 6 3 3H7l3-3zM12 13v7',
  export: 'M12 4v10M8 10l4 4 4-4M5 19h14',
  select: 'M5 5h3v3H5zM11 6.5h8M5 10.5h3v3H5zM11 12h8M5 16h3v3H5zM11 17.5h8',
  more: 'M5.5 12a.6.6 0 1 0 1 0 .6.6 0 1 0-1 0zM11.5 12a.6.6 0 1 0 1 0 .6.6 0 1 0-1 0zM17.5 12a.6.6 0 1 0 1 0 .6.6 0 1 0-1 0z',
  cell: 'M8 5H5v14h3M16 5h3v14h-3M9 10h6M9 14h4',
  output: 'M4 20h16M7 16v-4M12 16V6M17 16v-7',
  file: 'M7 3h7l4 4v14H7zM14 3v4h4',
  text: 'M5 6h14M5 10h14M5 14h14M5 18h8',
  mention: 'M16 12a4 4 0 1 1-8 0 4 4 0 0 1 8 0zM16 8v5a2.5 2.5 0 0 0 5 0v-1a9 9 0 1 0-3.5 7.1',
  picture: 'M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M15 9h.01',
  selection: 'M9 4h6M9 20h6M12 4v16',
  error: 'M12 4l9 16H3zM12 10v5M12 17.5h.01',
  notebook: 'M6 4h13v16H6zM6 8H4M6 12H4M6 16H4M10 8h6M10 12h6',
  prompt: 'M4 4h16v16H4zM14 8l-4 8',
  variable: 'M8 5c-4 4-4 10 0 14M16 5c4 4 4 10 0 14M10 10l4 4M14 10l-4 4',
  conversation: 'M4 5h16v11H10l-4 4v-4H4z',
  server: 'M4 5h16v6H4zM4 13h16v6H4zM8 8h.01M8 16h.01'
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }): JSX.Element {
  return (
    <svg class="aqueduct-icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}

/** An icon button, with a label for screen readers and as a tooltip. */
export function IconButton(props: {
  icon: IconName;
  label: string;
  act: () => void;
  isPrimary?: boolean;
  isDisabled?: boolean;
}): JSX.Element {
  return (
    <button
      type="button"
      class={props.isPrimary ? 'aqueduct-icon-button aqueduct-primary' : 'aqueduct-icon-button'}
      title={props.label}
      aria-label={props.label}
      disabled={props.isDisabled}
      onClick={props.act}
    >
      <Icon name={props.icon} />
    </button>
  );
}
