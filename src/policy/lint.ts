/** What is allowed but probably not meant. Warnings never change a verdict. */
import { globNote } from './explain.ts';
import { lintAttestations } from './lint-attestations.ts';
import { lintTrust } from './lint-trust.ts';
import type { Identity, MatchRule } from './model.ts';
import type { ParsedAuthority, ParsedKeylessAuthority } from './parse-authority.ts';
import type { ParsedPolicy } from './parse-cluster-image-policy.ts';

export function lintPolicy(policy: ParsedPolicy): readonly string[] {
  const names = policy.authorities.map(({ name }) => name);
  const repeated = names.filter((name, index) => names.indexOf(name) !== index);
  return [
    ...policy.images.flatMap(({ source }, index) => lintGlob(source, `spec.images[${index}].glob`)),
    ...policy.authorities.flatMap((authority, index) => lintAuthority(authority, `spec.authorities[${index}]`, policy)),
    ...new Set(repeated.map((name) => `spec.authorities: the name "${name}" is used more than once`)),
    ...lintAttestations(policy),
    ...policy.match.flatMap((rule, index) => lintRule(rule, `spec.match[${index}]`)),
    ...policy.notReady.map((problem) => `not ready, so it refuses all it matches: ${problem}`),
  ];
}

export function lintGlob(glob: string, path: string): readonly string[] {
  const note = globNote({ source: glob });
  if (note !== undefined) return [`${path} "${glob}" ${note}`];
  const last = glob.slice(glob.lastIndexOf('/') + 1);
  if (last.includes('@')) return [];
  if (last.includes(':')) {
    return [
      `${path} "${glob}" selects by tag, a name that whoever deploys chooses: fine to demand more, weak to permit`,
    ];
  }
  if (!/[A-Za-z0-9]\*+$/.test(last)) return [];
  const base = glob.replace(/\*+$/, '');
  return [
    `${path} "${glob}" also matches ${base}-anything; write ${base}@* for this repository, ${base}/** for what is below it`,
  ];
}

/** As in policy-controller a rule must name all three, and the core group is the empty one. */
function lintRule({ group = '', version, resource }: MatchRule, path: string): readonly string[] {
  if (resource === undefined) return [`${path}: without resource it matches nothing`];
  if (version === undefined) return [`${path}: without version it matches nothing; write version: "*"`];
  const wanted = groups.get(resource);
  if (wanted === undefined || wanted === group) return [];
  return [`${path}: ${resource} are of group "${wanted}", so it matches nothing; write group: ${wanted || '""'}`];
}

const groups: ReadonlyMap<string, string> = new Map([
  ['pods', ''],
  ['replicasets', 'apps'],
  ['deployments', 'apps'],
  ['statefulsets', 'apps'],
  ['daemonsets', 'apps'],
  ['jobs', 'batch'],
  ['cronjobs', 'batch'],
]);

function lintAuthority(authority: ParsedAuthority, path: string, policy: ParsedPolicy): readonly string[] {
  switch (authority.kind) {
    case 'key':
      return lintTrust(authority, path);
    case 'static': {
      const broad = policy.images.find(({ source }) => source === '**' || /^[^/]+\/\*\*$/.test(source));
      const others = policy.authorities.length - 1;
      if (authority.action === 'fail') return [];
      return [
        ...(broad === undefined
          ? []
          : [`${path}.static: "${broad.source}" admits everything there without a signature`]),
        ...(others > 0 ? [`${path}.static: it passes whatever the others say, of which one is enough`] : []),
      ];
    }
    case 'keyless':
      return [
        ...authority.identities.flatMap((identity, index) =>
          lintIdentity(identity, `${path}.keyless.identities[${index}]`),
        ),
        ...lintSct(authority, `${path}.keyless`),
        ...lintTrust(authority, path),
      ];
  }
}

function lintSct({ caCert, insecureIgnoreSct }: ParsedKeylessAuthority, path: string): readonly string[] {
  if (caCert === undefined)
    return insecureIgnoreSct ? [`${path}.insecureIgnoreSCT: certificates need not be in a public log`] : [];
  return insecureIgnoreSct
    ? []
    : [`${path}.ca-cert: these certificates come with no certificate log, so nothing passes without insecureIgnoreSCT`];
}

function lintIdentity(identity: Identity, path: string): readonly string[] {
  return (['issuer', 'subject'] as const).flatMap((part) => {
    const match = identity[part];
    if (match.kind === 'below') {
      const exact = `^${match.prefix.replaceAll('.', '\\.')}`;
      return [
        `${path}.${part}: "${match.prefix}*" is everything below that address here, and nothing in other tools; name the workflow with ${part}RegExp: ${exact}…$`,
      ];
    }
    if (match.kind === 'exact') {
      const star = `${path}.${part}: "*" is no wildcard here, the text is compared as it stands; use ${part}RegExp`;
      return match.text.includes('*') ? [star] : [];
    }
    const { source } = match.pattern;
    const anchored = isAnchored(source);
    const dotted = /[A-Za-z0-9]\.(?:com|org|io|dev|net)\b/.test(source);
    return [
      ...(/^\^?\(?\.[*+]\)?\$?$/.test(source) ? [`${path}.${part}RegExp: it is anybody`] : []),
      ...(anchored ? [] : [`${path}.${part}RegExp: matches anywhere in the text; put it between ^ and $`]),
      ...(dotted ? [`${path}.${part}RegExp: an unescaped dot matches any character; write \\.`] : []),
    ];
  });
}

/** An alternative at the top ends one anchor and begins without the other: "^a|b$" is "^a" or "b$". */
function isAnchored(source: string): boolean {
  let depth = 0;
  // Escapes and classes hold no alternatives.
  for (const mark of source.replaceAll(/\\.|\[\^?\]?[^\]]*\]/gs, '_')) {
    if (mark === '(') depth += 1;
    if (mark === ')') depth -= 1;
    if (mark === '|' && depth === 0) return false;
  }
  return /^(?:\(\?[a-z]+\))?(?:\^|\\A)/.test(source) && /(?:^|[^\\])(?:\\\\)*(?:\$|\\z)$/.test(source);
}
