/**
 * How to fix a refusal, by its code, for whoever reads it on a page: what happened in plain words, and steps. The table is
 * complete by its type. Commands name the image, policy and namespace of the refusal when these are safe to be pasted.
 */
import { failureCodes, type FailureCode } from '../../kernel/failure.ts';

export interface Advice {
  readonly meaning: string;
  readonly steps: readonly Step[];
}

export interface Step {
  readonly say: string;
  /** A command line; its placeholders are in capitals. */
  readonly run?: string;
}

/** Placeholders of commands, by name. */
export interface AdviceSubject {
  readonly image?: string;
  readonly policy?: string;
  readonly namespace?: string;
  readonly kind?: string;
}

export function adviceFor(code: string, subject: AdviceSubject): Advice | undefined {
  const known = failureCodes.find((candidate) => candidate === code);
  if (known === undefined) return undefined;
  const { meaning, steps } = table[known];
  return {
    meaning,
    steps: steps.map(({ say, run }) => (run === undefined ? { say } : { say, run: filledIn(run, subject) })),
  };
}

/** What a shell would take for anything but a plain word stays a placeholder: names are chosen by whoever was refused. */
function filledIn(command: string, { image, policy, namespace }: AdviceSubject): string {
  const values: Readonly<Record<string, string | undefined>> = { IMAGE: image, POLICY: policy, NAMESPACE: namespace };
  return command.replace(/\b(?:IMAGE|POLICY|NAMESPACE)\b/g, (word) => {
    const value = values[word];
    return value !== undefined && /^[A-Za-z0-9][\w./:@-]{0,511}$/.test(value) ? value : word;
  });
}

function step(say: string, run?: string): Step {
  return run === undefined ? { say } : { say, run };
}

const sign = step(
  'Sign the image by its digest, from the workflow or with the key that the policy names:',
  'cosign sign IMAGE',
);
const whoSigned = step(
  'See who signed it, in which format, and whether that is who should have:',
  'countersign verify IMAGE --policies policies/',
);
const whichPolicies = step(
  'See which policies match the image, and why others do not:',
  'countersign explain IMAGE --policies policies/',
);
const lint = step('Check the policy; the message names the field:', 'countersign policy lint -f policies/POLICY.yaml');
const status = step(
  'Read what the controller says about it:',
  'kubectl get clusterimagepolicies,actionpolicies,trustroots',
);
const retry = step(
  'Nothing is wrong with the image. What creates Pods tries again by itself; a command has to be given again.',
);
const logs = step(
  'See what the program logged about it:',
  'kubectl logs -n countersign-system -l app.kubernetes.io/name=countersign --since=1h',
);
const contract = step('Read the contract with every default written out:', 'countersign contract show IMAGE');
const rebuild = step('Mend the contract file, build the image again, sign it, and deploy the new digest.');
const rehearse = step(
  'Rehearse without a cluster before deploying:',
  'countersign review -f manifest.yaml --policies policies/',
);
const sendReport = step('If it goes on, it is a fault of Countersign: report it with the correlation id and the log.');

const table: Readonly<Record<FailureCode, Advice>> = {
  IMAGE_REFERENCE_INVALID: {
    meaning: 'The text is not the name of an image, so there is nothing to look up.',
    steps: [step('Correct the name: registry/repository:tag, or better registry/repository@sha256:… .'), rehearse],
  },
  IMAGE_NOT_PINNED: {
    meaning: 'A digest is demanded and the image is named by its tag, which may mean another image tomorrow.',
    steps: [
      step('Write the digest that the tag has now:', 'crane digest IMAGE'),
      step(
        'If tags should be pinned on the way in, see that the mutating webhook is installed:',
        'kubectl get mutatingwebhookconfigurations countersign',
      ),
    ],
  },
  IMAGE_NOT_FOUND: {
    meaning: 'The registry answers, and has no such image.',
    steps: [
      step('See whether the tag or digest was pushed, and to this repository:', 'crane manifest IMAGE'),
      step('Correct the name, or push the image. Some registries say "not found" also to those who may not read.'),
    ],
  },
  IMAGE_MISSING: {
    meaning: 'A place that has to name an image is empty.',
    steps: [step('Fill in the image in the field that the message names.'), rehearse],
  },
  RUN_MISMATCH: {
    meaning: 'The Pod of a Tekton run has another image than the one that was found when the run was created.',
    steps: [
      step('See whether the Task or StepAction was changed after the run began, and start a new run.'),
      step('If nobody changed it, find out who created the Pod: this is also what an exchange of images looks like.'),
    ],
  },
  IMAGE_UNRESOLVED: {
    meaning: 'The images of a Tekton run could not be told when it was created.',
    steps: [
      step(
        'See that what the run refers to is there:',
        'kubectl get tasks,pipelines,stepactions.tekton.dev -n NAMESPACE',
      ),
      step(
        'Replace images that are results of earlier steps by parameters, or let them be judged when their Pod is made (--on-unresolved-image defer).',
      ),
    ],
  },
  NO_MATCHING_POLICY: {
    meaning: 'No policy is about this image, and such images are not let in.',
    steps: [
      whichPolicies,
      step(
        'Add its repository to the images of a policy that says who must have signed it. Names are matched in full: index.docker.io/library/nginx@*, not nginx.',
      ),
      step('Or use an image that a policy is about.'),
    ],
  },
  POLICY_NOT_READY: {
    meaning: 'The policy asks for something that cannot be checked at the moment, so it refuses whatever it matches.',
    steps: [
      status,
      step('Repair what the message names: most often a Secret, a key or a TrustRoot that is missing.'),
      lint,
    ],
  },
  POLICY_INVALID: {
    meaning: 'The policy is not written correctly.',
    steps: [lint],
  },
  STATIC_FAIL: {
    meaning: 'The policy forbids this image, whoever signed it.',
    steps: [
      step('Read the policy below: its author may have said why.'),
      step('Use another image, or ask the author to take the image out of the policy.'),
    ],
  },
  POLICY_UNSATISFIED: {
    meaning: 'Who signed or attested the image was proven, and the code of the policy says no to what was found.',
    steps: [
      step('Read the message: it is what the CUE, Rego or CEL of the policy answers.'),
      step('Try the policy on the image without a cluster:', 'countersign policy test --policy FILE --image IMAGE'),
    ],
  },
  POLICY_LIMIT_EXCEEDED: {
    meaning: 'The code of the policy took too long, or too much memory, and was ended.',
    steps: [
      step('Make the policy simpler: loops over loops of what an image brings along grow quickly.'),
      step('Try the policy on the image without a cluster:', 'countersign policy test --policy FILE --image IMAGE'),
    ],
  },
  SIGNATURE_MISSING: {
    meaning: 'The image is there, and no signature of it.',
    steps: [
      sign,
      step(
        'If it was signed: see that the signature was copied along with the image, and that exactly this digest was signed.',
        'cosign tree IMAGE',
      ),
    ],
  },
  SIGNATURE_INVALID: {
    meaning: 'There is a signature, and it does not fit the image or its key. It may have been tampered with.',
    steps: [whoSigned, sign, step('If nobody can explain it, treat the registry as compromised.')],
  },
  SIGNATURE_MALFORMED: {
    meaning: 'What is stored as a signature cannot be read.',
    steps: [whoSigned, step('Remove it and sign again with a current cosign.', 'cosign clean IMAGE')],
  },
  SIGNATURE_UNSUPPORTED: {
    meaning: 'The signature is of a kind that cannot be verified here.',
    steps: [whoSigned, sign],
  },
  TOO_MANY_SIGNATURES: {
    meaning: 'The image has so many signatures that not all were tried, and none of the first ones fits.',
    steps: [whoSigned, step('Remove those that nobody needs and sign once more:', 'cosign clean IMAGE')],
  },
  ATTESTATION_MISSING: {
    meaning: 'The policy demands an attestation of a certain type, and no wanted signer has made one for this image.',
    steps: [
      step('See what is attested, and by whom:', 'countersign verify IMAGE --policies policies/'),
      step('Attest this digest:', 'cosign attest --predicate FILE --type TYPE IMAGE@sha256:…'),
    ],
  },
  CLAIM_MISMATCH: {
    meaning: 'The signature is genuine and speaks of another image: it was copied from there.',
    steps: [whoSigned, sign],
  },
  KEY_MISMATCH: {
    meaning: 'It was signed with another key than the policy names.',
    steps: [
      whoSigned,
      step('Sign with the right key, or add the new public key to the policy if the key was changed on purpose.'),
    ],
  },
  IDENTITY_MISMATCH: {
    meaning: 'It was signed by somebody else than the policy names: another workflow, branch, repository or person.',
    steps: [
      whoSigned,
      step(
        'Build and sign it from the workflow that the policy names. If the workflow moved, change subject or issuer in the policy.',
      ),
    ],
  },
  CERTIFICATE_INVALID: {
    meaning: 'The certificate of the signer does not come from an authority that the policy trusts.',
    steps: [whoSigned, step('A private Sigstore needs a TrustRoot, named by the policy in trustRootRef.'), status],
  },
  CERTIFICATE_EXPIRED: {
    meaning: 'The signature was not made while the certificate was valid, or nothing proves when it was made.',
    steps: [step('Sign again, with an entry in the transparency log or a timestamp.', 'cosign sign IMAGE')],
  },
  SCT_INVALID: {
    meaning: 'Nothing proves that the certificate was published in a certificate log.',
    steps: [sign, step('A private authority without such a log needs insecureIgnoreSCT: true in the policy.')],
  },
  TLOG_MISSING: {
    meaning: 'The policy demands an entry in a transparency log, and the signature has none.',
    steps: [step('Sign again without --tlog-upload=false:', 'cosign sign IMAGE')],
  },
  TLOG_INVALID: {
    meaning: 'The entry in the transparency log does not fit the signature, or is not signed by a log that is trusted.',
    steps: [whoSigned, step('A private log needs a TrustRoot that holds its key.'), sign],
  },
  TIMESTAMP_MISSING: {
    meaning: 'The policy demands a timestamp, and the signature has none.',
    steps: [
      step('Sign again with the timestamp authority of the policy:', 'cosign sign --timestamp-server-url URL IMAGE'),
    ],
  },
  TIMESTAMP_INVALID: {
    meaning: 'The timestamp does not fit the signature, or its authority is not trusted.',
    steps: [
      whoSigned,
      step('See that the TrustRoot of the policy holds the certificates of the timestamp authority.'),
      status,
    ],
  },
  CONTRACT_MISSING: {
    meaning: 'The policy demands a contract (/action-contract.yaml), and the image has none.',
    steps: [
      contract,
      step(
        'Add the file to the image, build and sign it, and deploy the new digest. An image that is no action belongs into another policy.',
      ),
    ],
  },
  CONTRACT_INVALID: {
    meaning: 'The contract in the image cannot be used; the message says where it is wrong.',
    steps: [step('Check the file:', 'countersign contract lint action-contract.yaml'), rebuild],
  },
  CONTRACT_CONFLICT: {
    meaning: 'The object asks for something else than the contract of the image lays down.',
    steps: [
      contract,
      step('Take the field out of the object: what the contract says is then filled in. Or change the contract.'),
    ],
  },
  INPUT_INVALID: {
    meaning: 'An input is missing, is unknown to the contract, or has a value that the contract does not allow.',
    steps: [contract, step('Correct the input that the message names.'), rehearse],
  },
  NAMESPACE_NOT_ALLOWED: {
    meaning: 'The image may not run in this namespace.',
    steps: [
      step(
        'Run it in a namespace that the policy and the contract name, or have spec.namespaces of the ActionPolicy widened:',
        'kubectl get actionpolicies POLICY -o yaml',
      ),
      contract,
    ],
  },
  TARGET_NOT_ALLOWED: {
    meaning: 'The action would act on a namespace that it may not act on.',
    steps: [
      step(
        'Choose another target, or have spec.targets of the ActionPolicy widened:',
        'kubectl get actionpolicies POLICY -o yaml',
      ),
      contract,
    ],
  },
  SERVICE_ACCOUNT_NOT_ALLOWED: {
    meaning: 'The Pod would run as a service account that this image may not have.',
    steps: [
      contract,
      step(
        'Leave serviceAccountName out, so that the one of the contract is used, or have spec.serviceAccounts widened:',
        'kubectl get actionpolicies POLICY -o yaml',
      ),
    ],
  },
  POD_SECURITY_VIOLATION: {
    meaning: 'The Pod asks for more rights than the Pod Security level of the policy leaves to this image.',
    steps: [
      step('Correct the fields that the message names, mostly in securityContext.'),
      rehearse,
      step('If the image needs them, an exception in the ActionPolicy names its digest, an owner and an end.'),
    ],
  },
  WORKFLOW_INVALID: {
    meaning: 'The workflow or action cannot run as it is written, whatever its images are.',
    steps: [
      step('Correct the fields that the message names; of the steps in a cycle, one must not wait for the others.'),
      step('See whether it would be taken now, without creating it:', 'kubectl create --dry-run=server -f FILE'),
    ],
  },
  TASK_INVALID: {
    meaning: 'The Task, TaskTemplate or Agent says something that its schema cannot refuse and no controller can use.',
    steps: [
      step('Correct the fields that the message names; a label by which Pods are found cannot be set by an Agent.'),
      step('See whether it would be taken now, without creating it:', 'kubectl create --dry-run=server -f FILE'),
    ],
  },
  REGISTRY_UNREACHABLE: {
    meaning: 'The registry could not be reached, so nothing is known about the image.',
    steps: [
      retry,
      step(
        'If it goes on: see whether the registry is up, and whether the NetworkPolicy of countersign-system lets the program reach it.',
      ),
      step('Countersign speaks to the registry named in the image, not to mirrors of the nodes.'),
    ],
  },
  REGISTRY_TIMEOUT: {
    meaning: 'The registry was too slow for the time that the API server waits.',
    steps: [retry, step('If it goes on: see why the registry is slow. Signatures that were read once are remembered.')],
  },
  REGISTRY_RATE_LIMITED: {
    meaning: 'The registry answers no more requests for now.',
    steps: [retry, step('Give the program credentials with a higher limit, or use a mirror under its own name.')],
  },
  REGISTRY_DENIED: {
    meaning: 'The registry does not let us read the image or its signatures.',
    steps: [
      step(
        'See which pull secrets the service account of the workload has:',
        'kubectl get serviceaccounts -n NAMESPACE -o yaml',
      ),
      step(
        'Let the program read them:',
        'kubectl create rolebinding countersign-pull-secrets -n NAMESPACE --clusterrole=countersign-pull-secrets --serviceaccount=countersign-system:countersign',
      ),
      step('Or the image does not exist: many registries answer so to hide that.'),
    ],
  },
  REGISTRY_RESPONSE_INVALID: {
    meaning: 'The registry answered with something that is not what registries answer.',
    steps: [
      step('See what is between the program and the registry: often a proxy or a login page.', 'crane manifest IMAGE'),
      logs,
    ],
  },
  REGISTRY_RESPONSE_TOO_LARGE: {
    meaning: 'The registry sent more than signatures, manifests and contracts ever need.',
    steps: [step('See what the image refers to:', 'cosign tree IMAGE'), logs],
  },
  TRUST_ROOT_UNAVAILABLE: {
    meaning: 'The keys of the Sigstore that signed could not be read.',
    steps: [status, step('Without a way to the internet, name a file with --trusted-root.')],
  },
  SECRET_UNAVAILABLE: {
    meaning: 'A Secret with registry credentials could not be read.',
    steps: [
      step(
        'Let the program read pull secrets of this namespace:',
        'kubectl create rolebinding countersign-pull-secrets -n NAMESPACE --clusterrole=countersign-pull-secrets --serviceaccount=countersign-system:countersign',
      ),
      logs,
    ],
  },
  CLUSTER_UNAVAILABLE: {
    meaning: 'The API server did not answer something that had to be known.',
    steps: [
      retry,
      step(
        'If it goes on, see that the permissions of the program are as installed:',
        'kubectl describe clusterrole countersign',
      ),
      logs,
    ],
  },
  TLOG_UNAVAILABLE: {
    meaning:
      'The signature brings no entry of a transparency log along, and the log that the policy names did not answer.',
    steps: [
      step('See whether the log can be reached from the cluster; its address is in `ctlog.url` of the policy.'),
      step('Sign with the entry inside the signature, as cosign does by default: then no log has to be asked.'),
      retry,
    ],
  },
  POLICY_ENGINE_UNAVAILABLE: {
    meaning: 'What evaluates the code of policies could not be started, so nothing is known about the image.',
    steps: [logs, retry],
  },
  POLICIES_UNAVAILABLE: {
    meaning: 'The program has not read a complete set of policies yet, and refuses everything until it has.',
    steps: [retry, status, logs],
  },
  DECISION_LOG_UNAVAILABLE: {
    meaning: 'The decision could not be written down, and nothing is decided unrecorded.',
    steps: [
      step(
        'See whether the disk of the decision log is full or read-only:',
        'kubectl get events -n countersign-system',
      ),
      logs,
    ],
  },
  RECORDS_UNAVAILABLE: {
    meaning: 'The store of decisions could not be asked. Admission does not depend on it.',
    steps: [logs],
  },
  DEADLINE_EXCEEDED: {
    meaning: 'It could not be decided within the time that the API server waits.',
    steps: [
      retry,
      step(
        'If it goes on: see why the registry is slow, and whether the program lacks CPU.',
        'kubectl top pods -n countersign-system',
      ),
    ],
  },
  OVERLOADED: {
    meaning: 'More requests came than could be judged at one time.',
    steps: [
      retry,
      step(
        'If it goes on, run more replicas:',
        'kubectl scale deployment countersign -n countersign-system --replicas=4',
      ),
    ],
  },
  REQUEST_MALFORMED: {
    meaning: 'The object or the request around it cannot be read.',
    steps: [step('Correct the field that the message names.'), rehearse],
  },
  REQUEST_TOO_LARGE: {
    meaning: 'The object is larger, or names more images, than is judged in one request.',
    steps: [step('Split the object up.')],
  },
  REQUEST_UNSUPPORTED: {
    meaning: 'The request is of a kind that is not judged here, so it is not let in either.',
    steps: [
      step(
        'See which kinds the webhook configuration sends:',
        'kubectl get validatingwebhookconfigurations countersign -o yaml',
      ),
      logs,
    ],
  },
  INTERNAL: {
    meaning: 'The program failed while it judged this. It refuses rather than guesses.',
    steps: [retry, logs, sendReport],
  },
};
