/** Asks cosign and us the same questions about one image. */
import { asksAbout, type Ask } from './asks.ts';
import type { Lab, LabImage } from './lab.ts';
import { ourAnswer } from './ours.ts';
import type { Pair } from './pair.ts';
import type { Scene } from './scenes.ts';

/** `policies`: files by the name of their question. */
export async function judgeAll(
  lab: Lab,
  scene: Scene,
  image: LabImage,
  policies: ReadonlyMap<string, string>,
): Promise<readonly Pair[]> {
  const asked = asksAbout(scene.about);
  const judged: Pair[] = [];
  // A few at a time: each is a process.
  for (let start = 0; start < asked.length; start += atOnce) {
    const some = asked.slice(start, start + atOnce);
    judged.push(...(await Promise.all(some.map((ask) => judgeBoth(lab, scene.name, image, ask, policies)))));
  }
  return judged;
}

const atOnce = 3;

async function judgeBoth(
  lab: Lab,
  scene: string,
  image: LabImage,
  ask: Ask,
  policies: ReadonlyMap<string, string>,
): Promise<Pair> {
  const cosign = await lab.cosign(['verify', ...ask.cosign(lab), image.reference]);
  const ours = await ourAnswer(lab, image.reference, ask, policies.get(ask.name) ?? '');
  const why = `cosign ended with ${cosign.code}: ${lastLine(cosign.stderr)} | we: ${ours.why}`;
  return { scene, ask: ask.name, cosign: cosign.code === 0, ours: ours.accepted, why };
}

const lastLine = (text: string): string => text.trim().split('\n').at(-1) ?? '';
