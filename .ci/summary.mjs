// Prints the failed tests, the failed steps and the closing line of .ci/run. Steps that failed count as one failure at
// least: a test file that could not be loaded has no failed test, but fails the step.
import { existsSync, readFileSync } from 'node:fs';

const [reportPath, ...failedSteps] = process.argv.slice(2);
const report = existsSync(reportPath)
  ? JSON.parse(readFileSync(reportPath, 'utf8'))
  : { numPassedTests: 0, numFailedTests: 1, numPendingTests: 0, numTodoTests: 0, testResults: [] };
for (const file of report.testResults) {
  if (file.status === 'failed' && file.message)
    console.log(`failed: ${file.name}: ${file.message}`);
  for (const test of file.assertionResults.filter(({ status }) => status === 'failed')) {
    console.log(`failed: ${file.name}: ${test.fullName}`);
    console.log(test.failureMessages.join('\n').slice(0, 2_000));
  }
}
const skipped = report.numPendingTests + report.numTodoTests;
for (const step of failedSteps) console.log(`failed step: ${step}`);
const failed = Math.max(report.numFailedTests, failedSteps.length > 0 ? 1 : 0);
console.log(`${report.numPassedTests} passed, ${failed} failed, ${skipped} skipped`);
process.exit(failed === 0 && report.numPassedTests > 0 ? 0 : 1);
