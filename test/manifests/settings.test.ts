/** What the manifests set is what the program takes. */
import { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { servingFlags } from '../../src/cli/flags.ts';
import { partsOf } from '../../src/cli/serving/config.ts';
import { at, listAt } from './objects.ts';
import { installations, kubectl, kustomized } from './render.ts';

const known = servingFlags(new Command()).options.map(({ envVar }) => envVar);
/** Of the Pod itself; the program reads the first. */
const ofThePod = ['POD_NAME', 'POD_NAMESPACE', 'POD_IP'];

describe.runIf(kubectl !== undefined).each(installations)('%s', (folder) => {
  const containers = (kubectl === undefined ? [] : kustomized(folder))
    .filter(({ kind }) => kind === 'Deployment')
    .map((deployment) => at(deployment, 'spec', 'template', 'spec', 'containers', 0));

  test('sets nothing that the program does not know', () => {
    const names = containers.flatMap((container) => listAt(container, 'env').map((entry) => at(entry, 'name')));
    const settings = names.filter((name) => !ofThePod.includes(String(name)));
    expect(settings.length).toBeGreaterThan(0);
    expect(settings.filter((name) => !known.includes(String(name)))).toStrictEqual([]);
  });

  test('runs commands that there are', () => {
    for (const container of containers) expect(Object.keys(partsOf)).toContain(at(container, 'args', 0));
  });
});
