import { CircleAlert, CircleCheck, CircleDashed, CircleDot, CircleX } from 'lucide-react';
import type { Upload, UploadState } from '../../api/types';
import { share } from '../../shared/format';

const words: Record<UploadState, [string, string, typeof CircleDot]> = {
  pending: ['Waiting', 'unknown', CircleDashed],
  validating: ['Reading', 'accent', CircleDot],
  mapping: ['Needs a mapping', 'accent', CircleAlert],
  ready: ['Ready to load', 'accent', CircleDot],
  processing: ['Loading', 'accent', CircleDot],
  completed: ['Completed', 'fair', CircleCheck],
  partial: ['Loaded in part', 'under', CircleAlert],
  failed: ['Failed', 'over', CircleX],
};

export function LoadState({ state }: { state: UploadState }) {
  const [text, tone, Icon] = words[state] ?? [state, 'unknown', CircleDashed];
  return (
    <span className={`chip ${tone}`}>
      <Icon size={13} aria-hidden />
      {text}
    </span>
  );
}

export function is_busy(u: Upload | undefined): boolean {
  return !!u && (u.state === 'pending' || u.state === 'validating' || u.state === 'processing');
}

export function LoadProgress({ upload }: { upload: Upload }) {
  if (upload.state !== 'processing' && upload.state !== 'validating') return <LoadState state={upload.state} />;
  const at = Math.round(upload.progress * 100);
  return (
    <span style={{ display: 'flex', gap: 10, alignItems: 'center' }}>
      <span
        className="bar"
        role="progressbar"
        aria-label={`Loading ${upload.file_name}`}
        aria-valuenow={at}
        aria-valuemin={0}
        aria-valuemax={100}
        style={{ flex: 1 }}
      >
        <i style={{ width: `${at}%` }} />
      </span>
      <span className="number faint">{share(upload.progress)}</span>
    </span>
  );
}
