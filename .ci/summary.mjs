// Prints the closing line of .ci/run. A step that failed outside the tests counts as one failure each.
import { existsSync, readFileSync } from 'node:fs';

const [reportPath, failedSteps] = process.argv.slice(2);
const report = existsSync(reportPath)
  ? JSON.parse(readFileSync(reportPath, 'utf8'))
  : { numPassedTests: 0, numFailedTests: 1, numPendingTests: 0, numTodoTests: 0 };
const skipped = report.numPendingTests + report.numTodoTests;
// A test file that could not be loaded has no failed test, but fails the step.
const failed = Math.max(report.numFailedTests, Number(failedSteps) > 0 ? 1 : 0);
console.log(`${report.numPassedTests} passed, ${failed} failed, ${skipped} skipped`);
process.exit(failed === 0 && report.numPassedTests > 0 ? 0 : 1);
