/**
 * sigstore policy-controller: its policies and trust roots are ours, letter by letter. Notes say where the same text has
 * another outcome here: docs/policy-controller.md.
 */
import { defined } from '../../kernel/defined.ts';
import { asRecord } from '../../kernel/strict-json.ts';
import {
  Notebook,
  type Json,
  type Note,
  type Reading,
  type SourceObject,
  type Unmatched,
  type Written,
} from '../model.ts';
import { isThere, listAt, memberOf, nameOf, recordAt, textAt, titleOf } from '../read-json.ts';

const settingsName = 'config-policy-controller';

export function isPolicyController({ value }: SourceObject): boolean {
  const apiVersion = textAt(value, 'apiVersion') ?? '';
  const kind = textAt(value, 'kind') ?? '';
  if (apiVersion.startsWith('policy.sigstore.dev/')) return kind === 'ClusterImagePolicy' || kind === 'TrustRoot';
  return (kind === 'ConfigMap' && nameOf(value) === settingsName) || isItsWebhook(value, kind);
}

function isItsWebhook(value: Json, kind: string): boolean {
  return /^(?:Mutating|Validating)WebhookConfiguration$/.test(kind) && nameOf(value) === 'policy.sigstore.dev';
}

export function readPolicyController(objects: readonly SourceObject[]): Reading {
  const policies = objects.filter(({ value }) => textAt(value, 'kind') === 'ClusterImagePolicy');
  const roots = objects.filter(({ value }) => textAt(value, 'kind') === 'TrustRoot');
  const settings = objects.find(({ value }) => textAt(value, 'kind') === 'ConfigMap');
  const hooks = objects.filter(({ value }) => (textAt(value, 'kind') ?? '').endsWith('WebhookConfiguration'));
  const reads = [...roots, ...policies].map(({ value }) => {
    const notebook = new Notebook(titleOf(value));
    if (textAt(value, 'kind') === 'ClusterImagePolicy') notePolicy(recordAt(value, 'spec') ?? {}, notebook);
    return { written: { source: notebook.source, object: applied(value) }, notes: notebook.notes };
  });
  const config = settings === undefined ? undefined : readSettings(settings.value);
  const secrets = [...new Set(policies.flatMap(({ value }) => secretsNamedBy(value)))];
  return {
    written: [...reads.map(({ written }) => written), ...(config === undefined ? [] : config.written)],
    notes: [
      ...reads.flatMap(({ notes }) => notes),
      ...(config?.notes ?? []),
      ...secrets.map(secretNote),
      ...hooks.flatMap(({ value }) => hookNotes(value)),
    ],
    commands: [],
    ...defined('unmatched', config?.unmatched),
  };
}

/** Without what the API server has added. */
function applied(value: Json): Json {
  const { status: _status, metadata, ...rest } = value;
  const { name, labels, annotations } = asRecord(metadata) ?? {};
  const kept = Object.entries(asRecord(annotations) ?? {}).filter(
    ([key]) => key !== 'kubectl.kubernetes.io/last-applied-configuration',
  );
  return {
    ...rest,
    metadata: {
      name,
      ...defined('labels', labels),
      ...(kept.length === 0 ? {} : { annotations: Object.fromEntries(kept) }),
    },
  };
}

const table = 'docs/policy-controller.md';

function notePolicy(spec: Json, notebook: Notebook): void {
  const globs = (listAt(spec, 'images') ?? []).map((image) => textAt(image, 'glob') ?? '');
  if (globs.some((glob) => glob.slice(glob.lastIndexOf('/') + 1).includes(':') && !glob.includes('@')))
    notebook.warning(
      'a glob with a tag never matched; here it matches that tag',
      'compatibility: tag-globs switches it off',
    );
  if (!isThere(spec, 'authorities'))
    notebook.warning('without authorities it admitted what it matched; here it refuses that', 'write its authorities');
  if (isThere(spec, 'policy')) noteCode(memberOf(spec, 'policy'), notebook);
  for (const authority of listAt(spec, 'authorities') ?? []) noteAuthority(authority, notebook);
}

function noteAuthority(authority: unknown, notebook: Notebook): void {
  const keyless = recordAt(authority, 'keyless');
  if (isThere(keyless, 'ca-cert'))
    notebook.warning('keyless.ca-cert was never used; here certificates must come from it', table);
  if (isThere(keyless, 'trustRootRef') && !isThere(authority, 'ctlog') && !isThere(authority, 'rfc3161timestamp'))
    notebook.warning(
      'the log of the TrustRoot was ignored without ctlog; here it is demanded',
      'compatibility: log-of-trust-root switches it off',
    );
  if (isThere(authority, 'rfc3161timestamp'))
    notebook.warning(
      'a signature without timestamp was accepted; here it is refused, and ctlog is demanded beside it',
      table,
    );
  if (textAt(authority, 'signatureFormat') === 'bundle')
    notebook.info('signatures of images in bundle format are found here', table);
  for (const attestation of listAt(authority, 'attestations') ?? [])
    noteCode(memberOf(attestation, 'policy'), notebook);
}

/** A text that could name a function which is not there; the evaluator decides. */
function noteCode(code: unknown, notebook: Notebook): void {
  const isRego = textAt(code, 'type') === 'rego';
  if (isRego && /\bhttp\.send\b|\bnet\.lookup_ip_addr\b/.test(textAt(code, 'data') ?? ''))
    notebook.lost(
      'Rego has no network here: with http.send or net.lookup_ip_addr it refuses whatever it matches',
      'put what it asks for into the policy or an attestation',
    );
  if (isThere(code, 'configMapRef'))
    notebook.warning(
      `its code is in ConfigMap ${textAt(memberOf(code, 'configMapRef'), 'name') ?? ''} of cosign-system`,
      `kubectl -n cosign-system get configmap ${textAt(memberOf(code, 'configMapRef'), 'name') ?? ''} -o yaml | sed 's/namespace: cosign-system/namespace: countersign-system/' | kubectl apply -f -`,
    );
}

export function secretsNamedBy(policy: Json): readonly string[] {
  return (listAt(recordAt(policy, 'spec'), 'authorities') ?? []).flatMap((authority) =>
    [recordAt(authority, 'key', 'secretRef'), recordAt(authority, 'keyless', 'ca-cert', 'secretRef')].flatMap(
      (secret) => {
        const name = textAt(secret, 'name');
        return name === undefined ? [] : [name];
      },
    ),
  );
}

function secretNote(name: string): Note {
  return {
    level: 'warning',
    source: `Secret cosign-system/${name}`,
    message: 'a policy names it, and policies here read Secrets of countersign-system',
    wayOut: `kubectl -n cosign-system get secret ${name} -o yaml | sed 's/namespace: cosign-system/namespace: countersign-system/' | kubectl apply -f -`,
  };
}

interface Settings {
  readonly written: readonly Written[];
  readonly notes: readonly Note[];
  readonly unmatched: Unmatched;
}

const carried = ['no-match-policy', 'fail-on-empty-authorities'];

/** The rest of the settings; what becomes of unmatched images is written once for all sources. */
function readSettings(configMap: Json): Settings {
  const notebook = new Notebook(titleOf(configMap));
  const data = recordAt(configMap, 'data') ?? {};
  const written = textAt(data, 'no-match-policy');
  const unmatched = written === 'allow' || written === 'warn' ? written : 'deny';
  if (data['enable-oci11'] === 'true')
    notebook.info('enable-oci11: referrers are always looked at here, and verified', table);
  for (const key of Object.keys(data))
    if (!key.startsWith('_') && key !== 'enable-oci11' && !carried.includes(key))
      notebook.warning(`there is no setting "${key.slice(0, 64)}" here`, 'leave it out');
  const flag = textAt(data, 'fail-on-empty-authorities');
  if (flag === 'false') notebook.info('such policies may be stored here too, and refuse what they match', table);
  return { written: [], notes: notebook.notes, unmatched };
}

function hookNotes(hook: Json): readonly Note[] {
  const notebook = new Notebook(titleOf(hook));
  for (const webhook of listAt(hook, 'webhooks') ?? []) {
    const expressions = listAt(recordAt(webhook, 'namespaceSelector'), 'matchExpressions') ?? [];
    const opts = expressions.map((entry) => textAt(entry, 'key') ?? '');
    if (!opts.includes('policy.sigstore.dev/include'))
      notebook.lost(
        'it looks at every namespace that is not left out; here a namespace opts in',
        'kubectl label namespaces --all policy.sigstore.dev/include=true # but not kube-system and the like',
      );
    if (opts.includes('webhooks.knative.dev/exclude'))
      notebook.warning('the label webhooks.knative.dev/exclude means nothing here', 'use policy.sigstore.dev/exclude');
    if (textAt(webhook, 'failurePolicy') === 'Ignore')
      notebook.warning('failurePolicy Ignore: here the webhook refuses when it is away', 'docs/failure-modes.md');
  }
  return notebook.notes;
}
