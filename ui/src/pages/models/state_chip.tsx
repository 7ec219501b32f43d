const states: Record<string, [string, string]> = {
  promoted: ['In use', 'fair'],
  candidate: ['Candidate', 'accent'],
  retired: ['Retired', 'unknown'],
  rejected: ['Rejected', 'over'],
};

/** What became of a version. */
export function StateChip({ state }: { state: string }) {
  const [word, tone] = states[state] ?? [state, ''];
  return (
    <span className={`chip ${tone}`} style={{ paddingLeft: 8 }}>
      {word}
    </span>
  );
}
