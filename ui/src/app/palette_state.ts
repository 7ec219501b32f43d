import { useDisclosure, useHotkeys } from '@mantine/hooks';

/** Ctrl-K or ⌘-K opens the palette from anywhere, from within fields too. */
export function usePalette() {
  const [open, is] = useDisclosure();
  useHotkeys([['mod+K', is.toggle]], [], true);
  return { open, show: is.open, hide: is.close };
}
