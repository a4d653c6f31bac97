/** The image at work, as a Pod under the restricted Pod Security Standard would have it. */
import { chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Agent, request } from 'undici';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { admissionReviewFor } from '../../src/cli/manifest-documents.ts';
import { versionOfPackage } from '../../src/cli/version.ts';
import { webhookClient } from '../../src/demo/webhook-client.ts';
import { workload } from '../../src/demo/workloads.ts';
import { freePorts, until } from '../cluster/processes.ts';
import { canRun } from './access.ts';
import { buildImage } from './build-image.ts';
import { runContainer, type Container, type ContainerSetting } from './container.ts';
import { readLayout, unpack, type Layout } from './layout.ts';

const noHub = new URL('../../policies/static-fail.yaml', import.meta.url);

describe.runIf(canRun)('the image, run', () => {
  let folder: string;
  let image: Layout;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'countersign-image-run-'));
    image = readLayout((await buildImage()).layout);
    await unpack(image, join(folder, 'rootfs'));
  }, 300_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  function start(setting: Pick<ContainerSetting, 'args' | 'entrypoint' | 'mounts'>): Container {
    const container = runContainer({ folder, image: image.config, ...setting });
    onTestFinished(() => container.remove());
    return container;
  }

  test('says its version', async () => {
    const { code, out, err } = await start({ args: ['--version'] }).ended;
    expect({ code, out, err }).toEqual({ code: 0, out: `${versionOfPackage()}\n`, err: '' });
  });

  test('has no demo', async () => {
    const { code, err } = await start({ args: ['demo'] }).ended;
    expect(code).toBe(2);
    expect(err).toMatch(/^countersign: the demo is not part of an installation: .*\n$/);
  });

  test.each(['/app/src/main.ts', '/app/node_modules/x', '/var/lib/countersign/x', '/nodejs/bin/x', '/x', '/tmp/x'])(
    'cannot write %s',
    async (file) => {
      const script = `fs.writeFileSync(${JSON.stringify(file)}, '')`;
      const { code, err } = await start({ entrypoint: ['/nodejs/bin/node'], args: ['-e', script] }).ended;
      expect(code).toBe(1);
      expect(err).toMatch(/EROFS|EACCES/);
    },
  );

  test('answers admissions with a folder for the decision log and nothing else that is writable, and ends on SIGTERM', async () => {
    const state = stateFolder();
    const [port = 0] = await freePorts(1);
    const args = ['webhook', '--listen', `127.0.0.1:${port}`, '--policies', '/policies', '--ca-file', 'ca.pem'];
    const container = start({
      args: [...args, '--drain-seconds', '1'],
      mounts: [
        { from: state, to: '/var/lib/countersign', writable: true },
        { from: policyFolder(), to: '/policies' },
      ],
    });
    const origin = `https://127.0.0.1:${port}`;
    expect(await until(async () => (await healthz(origin, caIn(state))) === 'ok', 20_000)).toBe(true);
    const client = webhookClient(origin, caIn(state));
    onTestFinished(() => client.close());
    const pod = workload('Pod', 'web', 'docker.io/library/nginx:1');
    const { allowed, code, message } = await client.post('/validate', admissionReviewFor(pod, 'a-uid'));
    expect({ allowed, code, message }).toEqual({
      allowed: false,
      code: 403,
      message: expect.stringContaining('Docker Hub is not allowed here'),
    });
    container.signal('SIGTERM');
    expect((await container.ended).code).toBe(0);
    expect(readFileSync(join(state, 'countersign-decisions.jsonl'), 'utf8')).toContain('"a-uid"');
  }, 60_000);

  function stateFolder(): string {
    const state = mkdtempSync(join(folder, 'state-'));
    chownSync(state, 65532, 65532);
    return state;
  }

  function policyFolder(): string {
    const policies = join(folder, 'policies');
    mkdirSync(policies);
    writeFileSync(join(policies, 'no-hub.yaml'), readFileSync(noHub));
    return policies;
  }
});

const caIn = (folder: string): string => readFileSync(join(folder, 'ca.pem'), 'utf8');

async function healthz(origin: string, ca: string): Promise<string> {
  const dispatcher = new Agent({ connect: { ca } });
  try {
    const { statusCode, body } = await request(`${origin}/healthz`, { dispatcher, signal: AbortSignal.timeout(2_000) });
    const text = await body.text();
    return statusCode === 200 ? text : '';
  } finally {
    await dispatcher.close();
  }
}
