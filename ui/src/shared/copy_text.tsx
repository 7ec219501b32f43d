import { Button } from '@mantine/core';
import { Check, Copy } from 'lucide-react';
import { useEffect, useState } from 'react';

/** Also where the page was not opened over TLS, and browsers give no clipboard. */
async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const field = document.createElement('textarea');
    field.value = text;
    field.style.position = 'fixed';
    field.style.opacity = '0';
    document.body.append(field);
    field.select();
    const done = document.execCommand('copy');
    field.remove();
    return done;
  }
}

export function CopyText({ label, text }: { label: string; text: () => string }) {
  const [said, set_said] = useState<'copied' | 'refused' | null>(null);
  useEffect(() => {
    if (!said) return;
    const timer = setTimeout(() => set_said(null), 2_500);
    return () => clearTimeout(timer);
  }, [said]);
  return (
    <Button
      size="compact-sm"
      variant="default"
      leftSection={said === 'copied' ? <Check size={14} aria-hidden /> : <Copy size={14} aria-hidden />}
      onClick={async () => set_said((await copy(text())) ? 'copied' : 'refused')}
    >
      <span aria-live="polite">
        {said === 'copied' ? 'Copied' : said === 'refused' ? 'The browser refused' : label}
      </span>
    </Button>
  );
}
