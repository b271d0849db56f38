/** The public functions to which any value is an answer, or that take none; all others refuse something. */
export const REFUSE_NOTHING = [
  ...['isQueryError', 'isTrackingError', 'isTaskFailedError', 'isGrantError', 'incomingOf'],
  ...['isTerminal', 'isCompleted', 'isSettled'],
  ...['readNumber', 'readPercent', 'readText', 'readTime', 'statusOf'],
  ...['memoryJournal', 'summarize', 'throwOnFailure', 'injectTracker'],
];
