/** The chart installs what kustomize installs. */
import { describe, expect, test } from 'vitest';
import { charted, helm, idOf, kubectl, kustomized, refusedValue } from './render.ts';

const namespace = 'countersign-system';

describe.runIf(helm !== undefined && kubectl !== undefined)('the chart', () => {
  const byId = (objects: ReturnType<typeof kustomized>) =>
    Object.fromEntries(objects.map((object) => [idOf(object), object]));

  test.each([
    ['the base', 'base', []],
    ['the overlay that enforces everywhere', 'overlays/enforce-everything', ['enforceEverything=true']],
    ['the overlay with monitoring', 'overlays/monitoring', ['monitoring.enabled=true']],
    ['the overlay with cert-manager', 'overlays/cert-manager', ['certManager.enabled=true']],
  ])('renders the objects of %s', (_name, folder, values) => {
    const objects = charted(['createNamespace=true', ...values], namespace);
    expect(objects).toHaveLength(new Set(objects.map(idOf)).size);
    expect(byId(objects)).toStrictEqual(byId(kustomized(folder)));
  });

  test('leaves the namespace to Helm, which cannot install into one that the chart makes', () => {
    const names = charted([], namespace).map(idOf);
    expect(names).toStrictEqual(
      charted(['createNamespace=true'], namespace)
        .map(idOf)
        .filter((id) => id !== `Namespace /${namespace}`),
    );
  });

  test('means the namespace of the release wherever the base means its own', () => {
    const text = JSON.stringify(charted([], 'elsewhere'));
    expect(text).not.toContain(namespace);
    expect(text).toContain('system:serviceaccount:elsewhere:countersign');
  });

  test('puts values where they belong', () => {
    const digest = `sha256:${'a'.repeat(64)}`;
    const values = [
      'replicas=5',
      'minAvailable=3',
      'image.repository=registry.example/countersign',
      `image.digest=${digest}`,
      'imagePullSecrets[0]=pull',
      'noMatchPolicy=warn',
      'database.secretName=records',
      'extraArgs[0]=--drain-seconds=10',
      'nodeSelector.disk=ssd',
      'networkPolicy.enabled=false',
    ];
    const objects = charted(values, namespace);
    const find = (kind: string) => objects.find((object) => object.kind === kind);
    expect(find('PodDisruptionBudget')).toMatchObject({ spec: { minAvailable: 3 } });
    expect(find('NetworkPolicy')).toBeUndefined();
    const env = expect.arrayContaining([
      { name: 'COUNTERSIGN_ON_NO_MATCH', value: 'warn' },
      { name: 'COUNTERSIGN_DATABASE', valueFrom: { secretKeyRef: { name: 'records', key: 'url' } } },
    ]);
    const image = `registry.example/countersign@${digest}`;
    expect(find('Deployment')).toMatchObject({
      spec: {
        replicas: 5,
        template: {
          spec: {
            imagePullSecrets: [{ name: 'pull' }],
            nodeSelector: { disk: 'ssd' },
            containers: [{ image, args: ['serve', '--drain-seconds=10'], env }],
          },
        },
      },
    });
  });

  test('lets a network policy out to the database', () => {
    const policy = charted(['database.secretName=records'], namespace).find(({ kind }) => kind === 'NetworkPolicy');
    expect(JSON.stringify(policy)).toContain('5432');
    expect(JSON.stringify(charted([], namespace))).not.toContain('5432');
  });

  test.each([
    'noMatchPolicy=admit',
    'replicas=0',
    'replicas=two',
    'image.repository=',
    'image.digest=sha256:abc',
    'enforceEverything=yes',
    'enforceEverthing=true',
    'monitoring.enable=true',
    'database.url=postgresql://somewhere',
  ])('does not take %s', (value) => {
    expect(refusedValue(value)).toContain("values don't meet the specifications of the schema");
  });
});
