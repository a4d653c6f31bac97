/** `node test/image/build.ts [system]`: builds the image if that is not done yet, and prints where it lies. */
import { buildImage, buildSystemImage, imageObstacle } from './build-image.ts';

const obstacle = imageObstacle();
if (obstacle !== undefined) throw new Error(obstacle);
const { archive } = await (process.argv[2] === 'system' ? buildSystemImage() : buildImage());
process.stdout.write(`${archive}\n`);
