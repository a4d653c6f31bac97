/** Whether suites take the time to do everything often: COUNTERSIGN_LONG=1. docs/testing.md */
export const isLong = process.env['COUNTERSIGN_LONG'] !== undefined;
