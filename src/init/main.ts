/** `/kubeopencode git-init | context-init | url-fetch` of the system image. */
import { isInitName, runInit } from './run.ts';

const [name] = process.argv.slice(2);
if (isInitName(name)) {
  process.exitCode = await runInit(name, process.env, (text) => void process.stdout.write(text));
} else {
  process.stderr.write('usage: kubeopencode git-init | context-init | url-fetch\n');
  process.exitCode = 2;
}
