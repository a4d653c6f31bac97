/**
 * What speaks against installing Countersign into a cluster, or against how it is installed. Problems are what would break
 * something of somebody, warnings are what works but should be known.
 */
import { quoted } from '../../kernel/failure.ts';
import type { DefinitionFacts, RegistrationFacts, Right } from '../../ports/cluster-facts.ts';

/** Our kinds, each with the version that is read. */
export const definitions: ReadonlyMap<string, string> = new Map([
  ['clusterimagepolicies.policy.sigstore.dev', 'v1alpha1'],
  ['trustroots.policy.sigstore.dev', 'v1alpha1'],
  ['actionpolicies.countersign.dev', 'v1alpha1'],
  ['workflowexecutions.workflowexecution.kubernaut.ai', 'v1alpha1'],
  ['workflowexecutions.kubernaut.ai', 'v1alpha1'],
  ['actionexecutions.execution.kubernaut.ai', 'v1alpha1'],
  ['tasks.kubeopencode.io', 'v1alpha1'],
  ['agents.kubeopencode.io', 'v1alpha1'],
  ['tasktemplates.kubeopencode.io', 'v1alpha1'],
  ['kubeopencodeconfigs.kubeopencode.io', 'v1alpha1'],
  ['tasks.kubetask.io', 'v1alpha1'],
  ['agents.kubetask.io', 'v1alpha1'],
]);

const withoutNamespace = [
  'clusterimagepolicies.policy.sigstore.dev',
  'trustroots.policy.sigstore.dev',
  'actionpolicies.countersign.dev',
];

export interface Findings {
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
}

/** `adopt`: definitions of other products may be used, and are replaced when the manifests are applied. */
export function judgeDefinitions(found: readonly DefinitionFacts[], adopt: boolean): Findings {
  const problems: string[] = [];
  const warnings: string[] = [];
  for (const definition of found) {
    const { name, labels, versions, scope } = definition;
    const wanted = withoutNamespace.includes(name) ? 'Cluster' : 'Namespaced';
    const version = definitions.get(name);
    if (labels['app.kubernetes.io/part-of'] === 'countersign') continue;
    const says = `CustomResourceDefinition ${name} belongs to ${ownerOf(definition)}`;
    if (version !== undefined && !versions.includes(version)) {
      problems.push(`${says} and does not serve ${version}, so that Countersign cannot read it: ${removeIt(name)}`);
    } else if (scope !== wanted) {
      problems.push(
        `${says} and has the scope ${quoted(scope, 16)}, here ${wanted}, which cannot be changed: ${removeIt(name)}`,
      );
    } else if (adopt) {
      const rest = 'its objects are read as they are, and applying the manifests replaces its schema';
      warnings.push(`${says}; ${rest}${definition.isConverted === true ? giveUpConversion(name) : ''}`);
    } else {
      problems.push(
        `${says}; installing would replace its schema. To read its objects as they are and take it over: --adopt. ` +
          `Else ${removeIt(name)}`,
      );
    }
  }
  return { problems, warnings };
}

/** Taken away by `kubectl apply` only where that had put it there; with it, manifests without are rejected. */
function giveUpConversion(name: string): string {
  const patch = `{"spec":{"conversion":{"strategy":"None","webhook":null}}}`;
  return `. Before that its conversion webhook has to go: kubectl patch crd ${name} --type=merge -p '${patch}'`;
}

function removeIt(name: string): string {
  return `remove the other product first, and with it all objects of that kind (kubectl delete crd ${name})`;
}

/** By the traces that products leave. */
function ownerOf({ labels, annotations }: DefinitionFacts): string {
  const release = annotations['meta.helm.sh/release-name'];
  const named =
    labels['app.kubernetes.io/part-of'] ?? labels['app.kubernetes.io/name'] ?? labels['app.kubernetes.io/managed-by'];
  if (release !== undefined) return `the Helm release "${quoted(release, 64)}"`;
  return named === undefined ? 'another product' : `"${quoted(named, 64)}"`;
}

export function judgeRegistrations(found: readonly RegistrationFacts[], namespace: string): Findings {
  const others = found.filter((registration) => registration.namespace !== namespace);
  const problems = others.map(({ kind, name, namespace: other }) =>
    other === undefined
      ? `${kind} ${name} exists and leads to no Service, so it is not this installation's: remove or rename it`
      : `${kind} ${name} belongs to the installation in namespace ${quoted(other, 64)}; there can be one in a cluster: ` +
        'remove that one first (kubectl delete -k with its manifests), or install into its namespace',
  );
  return { problems, warnings: [] };
}

/** ValidatingAdmissionPolicy v1, and matchConditions of webhooks. */
const oldest = { major: 1, minor: 30 };

export function judgeVersion(version: string): Findings {
  const [, major = '', minor = ''] = /^v(\d{1,4})\.(\d{1,4})\b/.exec(version) ?? [];
  const isKnown = major !== '';
  const isNew = Number(major) > oldest.major || (Number(major) === oldest.major && Number(minor) >= oldest.minor);
  if (isKnown && isNew) return { problems: [], warnings: [] };
  const wanted = `Countersign needs ${oldest.major}.${oldest.minor} or newer`;
  return isKnown
    ? { problems: [`Kubernetes here is ${version}; ${wanted}: upgrade the cluster first`], warnings: [] }
    : { problems: [], warnings: [`the API server says "${quoted(version, 64)}" for its version; ${wanted}`] };
}

/** What applying the manifests takes. */
export function rightsToInstall(namespace: string): readonly Right[] {
  const ofCluster: readonly (readonly [string, string])[] = [
    ['', 'namespaces'],
    ['apiextensions.k8s.io', 'customresourcedefinitions'],
    ['rbac.authorization.k8s.io', 'clusterroles'],
    ['rbac.authorization.k8s.io', 'clusterrolebindings'],
    ['admissionregistration.k8s.io', 'validatingwebhookconfigurations'],
    ['admissionregistration.k8s.io', 'mutatingwebhookconfigurations'],
    ['admissionregistration.k8s.io', 'validatingadmissionpolicies'],
    ['admissionregistration.k8s.io', 'validatingadmissionpolicybindings'],
    ['scheduling.k8s.io', 'priorityclasses'],
  ];
  const ofNamespace: readonly (readonly [string, string])[] = [
    ['', 'serviceaccounts'],
    ['', 'services'],
    ['apps', 'deployments'],
    ['policy', 'poddisruptionbudgets'],
    ['networking.k8s.io', 'networkpolicies'],
    ['rbac.authorization.k8s.io', 'roles'],
    ['rbac.authorization.k8s.io', 'rolebindings'],
  ];
  const verbs = ['create', 'patch'];
  return [
    ...ofCluster.flatMap(([group, resource]) => verbs.map((verb) => ({ verb, group, resource }))),
    ...ofNamespace.flatMap(([group, resource]) => verbs.map((verb) => ({ verb, group, resource, namespace }))),
  ];
}

export function judgeRights(missing: readonly Right[]): Findings {
  const problems = missing.map(({ verb, group, resource, namespace }) => {
    const what = group === '' ? resource : `${resource}.${group}`;
    const where = namespace === undefined ? '' : ` in namespace ${namespace}`;
    return `you may not ${verb} ${what}${where}, which installing takes: install as an administrator of the cluster`;
  });
  return { problems, warnings: [] };
}
