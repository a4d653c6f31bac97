/** What the API server and the kubelet ask of every Pod that we make. */
import { expect } from 'vitest';
import { podSecurityConflicts } from '../../src/contract/pod-security.ts';
import { asRecord } from '../../src/kernel/strict-json.ts';

type Members = Readonly<Record<string, unknown>>;

const label = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const labelText = /^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/;
const subdomain = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/;

export function expectGoodMetadata(metadata: unknown): void {
  const { name, labels } = asRecord(metadata) ?? {};
  if (name !== undefined) expect(name).toMatch(subdomain);
  for (const value of Object.values(asRecord(labels) ?? {})) expect(value).toMatch(labelText);
}

export function expectGoodPodSpec(spec: unknown): void {
  const members = asRecord(spec) ?? {};
  const volumes = items(members['volumes']).map(({ name }) => name);
  const containers = [...items(members['initContainers']), ...items(members['containers'])];
  expectDifferent(volumes);
  expectDifferent(containers.map(({ name }) => name));
  for (const name of [...volumes, ...containers.map((one) => one['name'])]) expect(name).toMatch(label);
  for (const container of containers) expectGoodMounts(items(container['volumeMounts']), volumes);
  for (const container of containers) expectDifferent(items(container['env']).map(({ name }) => name));
}

export function expectRestricted(spec: unknown): void {
  expect(podSecurityConflicts('restricted', asRecord(spec) ?? {})).toEqual([]);
}

function expectGoodMounts(mounts: readonly Members[], volumes: readonly unknown[]): void {
  expectDifferent(mounts.map(({ mountPath }) => mountPath));
  for (const { name, mountPath, subPath = 'x' } of mounts) {
    expect(volumes).toContain(name);
    expect(mountPath).toMatch(/^(?:\/[^/:\p{Cc}]+)+$/u);
    expect(String(mountPath).split('/')).not.toContain('..');
    expect(subPath).toMatch(/^[^/]/);
    expect(String(subPath).split('/')).not.toContain('..');
  }
}

function expectDifferent(names: readonly unknown[]): void {
  expect([...new Set(names)]).toEqual(names);
}

export function items(value: unknown): readonly Members[] {
  const all: readonly unknown[] = Array.isArray(value) ? value : [];
  return all.map(asRecord).filter((item) => item !== undefined);
}

/** By name; as the kubelet gives it to the process. k8s.io/kubernetes/third_party/forked/golang/expansion */
export function environmentOf(container: unknown): Readonly<Record<string, string>> {
  const env = items(asRecord(container)?.['env']).filter(({ value }) => typeof value === 'string');
  return Object.fromEntries(env.map(({ name, value }) => [String(name), expanded(String(value))]));
}

/** Nothing that we write refers to another variable. */
function expanded(value: string): string {
  expect(value.replaceAll('$$', '')).not.toContain('$(');
  return value.replaceAll('$$', '$');
}

export function containerOf(object: unknown, name: string): Members {
  const spec = asRecord(asRecord(object)?.['spec']) ?? {};
  const pod = asRecord(asRecord(spec['template'])?.['spec']) ?? spec;
  const all = [...items(pod['initContainers']), ...items(pod['containers'])];
  const found = all.find((one) => one['name'] === name);
  if (found === undefined) throw new Error(`there is no container ${name}`);
  return found;
}
