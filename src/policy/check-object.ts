import { lintActionPolicy } from './lint-action-policy.ts';
import { lintPolicy } from './lint.ts';
import type { PolicyRules } from './model.ts';
import { parsePolicyValue, type PolicyDocument } from './parse-documents.ts';

export interface ObjectCheck {
  /** Absent: the object may be stored. The sentence is policy-controller's, with every problem in it. */
  readonly refusal?: string;
  /** For the answer's warnings: what is allowed but probably not meant. */
  readonly warnings: readonly string[];
}

/** Whether the API server may store a ClusterImagePolicy or TrustRoot, asked when it is created or changed. */
export function checkPolicyObject(object: unknown, now: Date, rules: PolicyRules = {}): ObjectCheck {
  const documents = parsePolicyValue(object, 'object', rules);
  const errors = documents.flatMap((document) => (document.kind === 'problem' ? document.messages : []));
  const warnings = documents.flatMap((document) => warningsOf(document, now));
  return errors.length === 0 ? { warnings } : { refusal: `validation failed: ${errors.join('\n')}`, warnings };
}

function warningsOf(document: PolicyDocument, now: Date): readonly string[] {
  switch (document.kind) {
    case 'policy':
      return lintPolicy(document.policy);
    case 'trust-root':
      // What is in a TUF repository is nobody's fault yet.
      return document.root.source === undefined ? document.root.notReady : [];
    case 'action-policy':
      return lintActionPolicy(document.policy, now);
    case 'secret':
    case 'config-map':
    case 'problem':
      return [];
  }
}
