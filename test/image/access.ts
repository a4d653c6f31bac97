/** Whether the suites of the image can run; what cannot is said in one line, and is a failure when CI is set. */
import { onPath } from '../cluster/programs.ts';
import { imageObstacle } from './build-image.ts';

export const canBuild = isPossible('image', imageObstacle());
export const canRun = isPossible(
  'running image',
  imageObstacle() ?? (onPath('runc') === undefined ? 'running an image needs runc: apt-get install runc' : undefined),
);

function isPossible(suites: string, obstacle: string | undefined): boolean {
  if (obstacle === undefined) return true;
  if (process.env['CI'] !== undefined) throw new Error(`the ${suites} suites must run when CI is set: ${obstacle}`);
  process.stderr.write(`image: SKIPPING ALL ${suites.toUpperCase()} SUITES: ${obstacle}\n`);
  return false;
}
