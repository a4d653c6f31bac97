/** Patches that make an object what it should be, and leave alone what is somebody else's matter. Pure. RFC 7386 */
import type { KubeObject, NewObject } from '../../kernel/kube-object.ts';
import { stableJson } from '../../kernel/stable-json.ts';
import { asRecord } from '../../kernel/strict-json.ts';
import { isFormerServer } from './former-server.ts';

/** How many replicas a server has stays as somebody has scaled it; its selector can never change. */
export function deploymentPatch(is: KubeObject, wanted: NewObject): object {
  if (isFormerServer(is, wanted)) return { metadata: metadataPatch(is, wanted) };
  const templateIs = asRecord(asRecord(is['spec'])?.['template']);
  const template = asRecord(asRecord(wanted['spec'])?.['template']);
  const metadata = asRecord(template?.['metadata']);
  const metadataIs = asRecord(templateIs?.['metadata']);
  return {
    metadata: metadataPatch(is, wanted),
    spec: {
      template: {
        metadata: {
          labels: mergeDifference(metadataIs?.['labels'], metadata?.['labels']),
          // E.g. kubectl's, that say when a rollout was asked for.
          annotations: mergeDifference(ours(metadataIs?.['annotations']), metadata?.['annotations']),
        },
        spec: mergeDifference(templateIs?.['spec'], template?.['spec']),
      },
    },
  };
}

/** Its type and its addresses stay. */
export function servicePatch(is: KubeObject, wanted: NewObject): object {
  const { selector, ports } = asRecord(wanted['spec']) ?? {};
  const spec = { selector: mergeDifference(asRecord(is['spec'])?.['selector'], selector), ports };
  return { metadata: metadataPatch(is, wanted), spec };
}

export function configMapPatch(is: KubeObject, wanted: NewObject): object {
  return {
    metadata: metadataPatch(is, wanted),
    data: mergeDifference(is['data'], wanted['data']),
    binaryData: mergeDifference(is['binaryData'], wanted['binaryData']),
  };
}

/** The UID is a precondition: nothing else of that name is changed. */
function metadataPatch({ metadata: { uid } }: KubeObject, { metadata }: NewObject): object {
  const { labels, annotations } = metadata;
  return { uid, labels, annotations };
}

function ours(annotations: unknown): object {
  const entries = Object.entries(asRecord(annotations) ?? {});
  return Object.fromEntries(entries.filter(([key]) => key.startsWith('countersign.dev/')));
}

/** What makes the one the other: null removes a member. */
function mergeDifference(is: unknown, wanted: unknown): unknown {
  const before = asRecord(is);
  const after = asRecord(wanted);
  if (before === undefined || after === undefined) return wanted;
  const gone = Object.keys(before).filter((key) => after[key] === undefined);
  const changed = Object.entries(after).filter(
    ([key, value]) => value !== undefined && stableJson(value) !== stableJson(before[key]),
  );
  return Object.fromEntries([
    ...gone.map((key) => [key, null]),
    ...changed.map(([key, value]) => [key, mergeDifference(before[key], value)]),
  ]);
}
