/** `node test/image/build.ts`: builds the image if that is not done yet, and prints where it lies. */
import { buildImage, imageObstacle } from './build-image.ts';

const obstacle = imageObstacle();
if (obstacle !== undefined) throw new Error(obstacle);
const { archive } = await buildImage();
process.stdout.write(`${archive}\n`);
