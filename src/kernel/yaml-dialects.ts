/** What words and numbers mean that are not in quotes. */
import type { DocumentOptions, ParseOptions, ScalarTag, SchemaOptions, Tags } from 'yaml';

/**
 * `core`: YAML 1.2. `kubectl`: YAML 1.1 as sigs.k8s.io/yaml reads it, so that a manifest says here what the API server is sent:
 * 0400 is octal, yes and off are no texts, << brings in the members of another map.
 */
export type YamlDialect = 'core' | 'kubectl';

export const dialects: Readonly<Record<YamlDialect, ParseOptions & DocumentOptions & SchemaOptions>> = {
  core: { version: '1.2', schema: 'core' },
  kubectl: { version: '1.1', schema: 'yaml-1.1', customTags: asKubectl },
};

/** Go writes octal numbers both ways. */
const newOctal: ScalarTag = {
  tag: 'tag:yaml.org,2002:int',
  default: true,
  format: 'OCT',
  test: /^[-+]?0o[0-7_]+$/,
  resolve: (text) => (text.startsWith('-') ? -1 : 1) * Number.parseInt(text.replaceAll(/[-+_]|0o/g, ''), 8),
};

/** Of YAML 1.1, times (22:30) and dates are left as they are written, and types that JSON does not have are refused. */
const unknownToKubectl = ['timestamp', 'binary', 'omap', 'pairs', 'set'].map((name) => `tag:yaml.org,2002:${name}`);

function asKubectl(tags: Tags): Tags {
  const known = tags.filter(
    (tag) => typeof tag === 'string' || (tag.format !== 'TIME' && !unknownToKubectl.includes(tag.tag)),
  );
  return [newOctal, ...known];
}
