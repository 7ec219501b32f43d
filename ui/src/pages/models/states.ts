/** What the states of a version are called, and their tone. */
export const states: Record<string, [string, string]> = {
  promoted: ['In use', 'fair'],
  candidate: ['Candidate', 'accent'],
  retired: ['Retired', 'unknown'],
  rejected: ['Rejected', 'over'],
  challenger: ['Challenger', 'accent'],
  shadow: ['Shadow', 'accent'],
  idle: ['Not in use', 'unknown'],
};
