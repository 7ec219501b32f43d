import { createTheme, type MantineColorsTuple } from '@mantine/core';

const iris: MantineColorsTuple = [
  '#eef0ff',
  '#e0e3ff',
  '#c3c8fd',
  '#a3a9f8',
  '#858bf3',
  '#6d70ec',
  '#5b5be0',
  '#4f46e5',
  '#4338ca',
  '#3730a3',
];
const ink: MantineColorsTuple = [
  '#f4f4f6',
  '#dcdde3',
  '#b6b8c3',
  '#9193a1',
  '#6d6f7e',
  '#3a3c47',
  '#2a2c35',
  '#1c1d24',
  '#131419',
  '#0d0e12',
];

export const theme = createTheme({
  primaryColor: 'iris',
  primaryShade: { light: 7, dark: 6 },
  colors: { iris, dark: ink },
  defaultRadius: 'md',
  fontFamily:
    'Inter, ui-sans-serif, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "DejaVu Sans", Arial, sans-serif',
  fontFamilyMonospace: 'ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace',
  headings: { fontWeight: '600' },
  cursorType: 'pointer',
  respectReducedMotion: true,
});
