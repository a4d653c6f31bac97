/**
 * Where a policy of sigstore policy-controller has another outcome here, on purpose. Tests that compare the two may differ in
 * these and in nothing else, and docs/policy-controller.md has them as its table.
 */
export interface Difference {
  readonly id: string;
  readonly policyController: string;
  readonly countersign: string;
  readonly why: string;
  /** How the other behaviour is had, where users may rely on it. */
  readonly switchedBackBy?: string;
}

export const differences: readonly Difference[] = [
  {
    id: 'refusal-text',
    policyController: 'refuses with 400 and "validation failed: failed policy: …"',
    countersign: 'refuses with 403 (503 when it could not be established), one line per reason with a code',
    why: '400 blames the request; a code can be matched on, and trying again helps only with some of them',
  },
  {
    id: 'bundle-signatures',
    policyController:
      'finds no image signature in bundle format, which cosign 3 writes, and attestations in it only where signatureFormat says so',
    countersign: 'verifies bundles and legacy signatures alike',
    why: 'images that are signed as demanded are refused',
  },
  {
    id: 'logs-of-trust-roots-in-bundles',
    policyController:
      'does not find the log of a bundle in a TrustRoot of sigstoreKeys, because it writes its name otherwise',
    countersign: 'finds it by its key',
    why: 'attestations that are signed and logged as demanded are refused',
  },
  {
    id: 'hash-of-the-curve',
    policyController:
      'verifies with SHA-256 unless hashAlgorithm says otherwise, although cosign 3 signs as the key asks',
    countersign: 'without hashAlgorithm tries SHA-256 and the hash that fits the key',
    why: 'P-384, P-521 and Ed25519 keys work with what cosign writes',
  },
  {
    id: 'referrers-verified',
    policyController: 'with enable-oci11 accepts attestations found by the referrers API without any verification',
    countersign: 'verifies whatever it finds, wherever',
    why: 'anybody who can push could attest anything',
  },
  {
    id: 'tag-globs',
    policyController: 'never matches a glob with a tag, because tags are gone when policies are matched',
    countersign: 'matches the tag that the workload wrote',
    why: 'a policy that says repo:v1 is meant for repo:v1',
    switchedBackBy: 'compatibility: tag-globs',
  },
  {
    id: 'scale-down',
    policyController: 'skips an update that lowers spec.replicas, whatever else it changes',
    countersign: 'judges it when an image changes',
    why: 'a way around every policy',
  },
  {
    id: 'objects-being-deleted',
    policyController: 'skips objects with a deletionTimestamp',
    countersign: 'judges them when an image changes',
    why: 'ephemeral containers of such Pods still start',
  },
  {
    id: 'unchanged-images',
    policyController: 'verifies everything again on every update',
    countersign: 'verifies when an image changes',
    why: 'a label on a running Pod does not make its image another one, and a registry that is away must not stop it',
  },
  {
    id: 'ephemeral-containers-pinned',
    policyController: 'does not resolve tags of ephemeral containers, and so refuses them all',
    countersign: 'resolves them like any other',
    why: 'kubectl debug works',
  },
  {
    id: 'more-places',
    policyController:
      'does not see ReplicationControllers, PodTemplates, Tekton objects and, up to 0.15, image volumes',
    countersign: 'judges images there as well',
    why: 'unverified images run from there too',
  },
  {
    id: 'static-needs-no-registry',
    policyController: 'resolves every tag of an opted-in namespace, and refuses what cannot be resolved',
    countersign: 'leaves tags alone where only static authorities decide',
    why: 'no registry is needed for such a verdict',
    switchedBackBy: 'compatibility: static-needs-no-registry',
  },
  {
    id: 'cause-of-unpinned',
    policyController: 'says "must be an image digest" whatever kept the tag from being resolved',
    countersign: 'says what the registry answered',
    why: 'the way out is another one',
  },
  {
    id: 'broken-policies-refuse',
    policyController: 'takes a policy out of force when a key, Secret, ConfigMap or remote policy cannot be read',
    countersign: 'keeps the last good version in force; one that never was good refuses what it matches',
    why: 'a demand that cannot be read must not become none',
  },
  {
    id: 'ca-cert-used',
    policyController: 'accepts keyless.ca-cert and never uses it',
    countersign: 'verifies certificates with it, and with nothing else',
    why: 'that is what it says',
  },
  {
    id: 'log-of-trust-root',
    policyController: 'ignores the transparency log when keyless names a trustRootRef and no ctlog',
    countersign: 'demands the log of that TrustRoot when it has one and no timestamp authority is named',
    why: 'the certificate is valid for minutes, and nothing else proves when it was used',
    switchedBackBy: 'compatibility: log-of-trust-root',
  },
  {
    id: 'timestamp-required',
    policyController: 'accepts a signature without timestamp although rfc3161timestamp is set',
    countersign: 'refuses it',
    why: 'what a policy demands is demanded',
  },
  {
    id: 'log-beside-timestamp',
    policyController: 'ignores ctlog when rfc3161timestamp is set',
    countersign: 'demands both',
    why: 'what a policy demands is demanded',
  },
  {
    id: 'addresses-of-logs',
    policyController: 'asks the log at whatever address ctlog.url has',
    countersign:
      'does not speak to loopback, link-local and private addresses of a log that the administrator has not named',
    why: 'whoever writes a policy could reach what only the webhook can reach',
  },
  {
    id: 'all-authorities-of-a-root',
    policyController: 'uses the last timestamp authority of a TrustRoot only, and no validity windows',
    countersign: 'tries all of them, each within its window',
    why: 'keys can be rotated with an overlap',
  },
  {
    id: 'typemeta-of-pods',
    policyController: 'gives typemeta to the code of a policy for every kind but Pods',
    countersign: 'gives it for every kind',
    why: 'a policy about kinds means Pods too',
    switchedBackBy: 'compatibility: typemeta-of-pods',
  },
  {
    id: 'code-needs-every-answer',
    policyController: 'evaluates spec.policy although the signatures of some authority could not be read',
    countersign: 'refuses until they can be read',
    why: 'code may say "not signed by"',
  },
  {
    id: 'code-has-no-network',
    policyController: 'lets Rego call http.send and look names up',
    countersign: 'does not know these functions: such a policy does not compile',
    why: 'whoever writes a policy could read from inside the cluster',
  },
  {
    id: 'code-has-limits',
    policyController: 'evaluates code for as long, and with as much memory, as it takes',
    countersign: 'ends it after two seconds or 256 MiB and refuses',
    why: 'one policy could stop all admission',
  },
  {
    id: 'sorted-reasons',
    policyController: 'gives the reasons of authorities and policies in the order in which they were done',
    countersign: 'sorts them, and names policy and authority of each',
    why: 'the same request has the same answer',
  },
  {
    id: 'exclude-label',
    policyController: 'skips namespaces with the undocumented label webhooks.knative.dev/exclude',
    countersign: 'does not know that label',
    why: 'whoever may label a namespace could switch admission off without anybody noticing',
  },
  {
    id: 'empty-authorities',
    policyController: 'admits what a policy without authorities matches, when such policies are allowed',
    countersign: 'refuses what such a policy matches',
    why: 'an error got lost there',
  },
  {
    id: 'warn-softens-everything',
    policyController: 'refuses a tag that cannot be resolved also under a policy in mode warn',
    countersign: 'warns',
    why: 'mode warn is for trying a policy out',
  },
  {
    id: 'tags-below-controllers',
    policyController: 'rewrites the images of ReplicaSets and Jobs that a controller made',
    countersign: 'leaves those of ReplicaSets to their Pods',
    why: 'a Deployment does not know its ReplicaSet again and makes one after the other',
  },
  {
    id: 'system-namespace',
    policyController: 'refuses a secretRef.namespace other than the one in which it is installed',
    countersign: 'takes cosign-system for its own namespace as well, and reads the Secret there',
    why: 'policies that name the usual namespace of policy-controller work unchanged',
  },
  {
    id: 'checked-when-written',
    policyController:
      'stores policies that can never work: signatureFormat of any word, selectors without operator, Secrets without name, tag prefixes and hashes that are none',
    countersign: 'refuses them when they are written; one that is stored already refuses what it matches',
    why: 'a typing error shows to whoever makes it, and not to whoever deploys',
  },
  {
    id: 'strict-keys',
    policyController: 'takes the first PEM block of a key and drops the rest; repeats the text when there is none',
    countersign:
      'takes every block (any of the keys may have signed), refuses text around them, RSA below 2048 bits and rare curves, and says why',
    why: 'a key that was put there is meant; a private key is not repeated in a message',
  },
  {
    id: 'paths-of-errors',
    policyController:
      'leaves "policy" out of the paths of spec.policy, and puts signaturePullSecrets into the paths of other fields',
    countersign: 'names the field that is wrong',
    why: 'it is what the reader looks for',
  },
  {
    id: 'cel',
    policyController: 'knows policy code in CUE and Rego',
    countersign: 'knows CEL as well, and names it beside the two',
    why: 'it is what Kubernetes itself uses, it always ends, and a missing field is an error',
  },
];
