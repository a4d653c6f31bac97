import { globMatchesImage } from '../kernel/glob.ts';
import type { ImageReference } from '../kernel/image-reference.ts';
import type { ClusterImagePolicy, LabelSelector, MatchRule } from './model.ts';
import type { ObjectFacts } from './subject.ts';

/** Whether a policy has a say about an image in an object. */
export function policyApplies(policy: ClusterImagePolicy, image: ImageReference, object: ObjectFacts): boolean {
  return matchesObject(policy.match, object) && policy.images.some((glob) => globMatchesImage(glob, image));
}

/** No rule at all means every kind; otherwise one rule must fit. A rule without a resource fits nothing, as upstream. */
export function matchesObject(rules: readonly MatchRule[], object: ObjectFacts): boolean {
  return rules.length === 0 || rules.some((rule) => matchesRule(rule, object));
}

function matchesRule(rule: MatchRule, object: ObjectFacts): boolean {
  return (
    rule.resource === object.resource &&
    (rule.group ?? '') === object.group &&
    (rule.version === '*' || rule.version === object.version) &&
    (rule.selector === undefined || matchesLabels(rule.selector, object.labels))
  );
}

/** Kubernetes label selector semantics: everything must hold; NotIn also holds for an absent label. */
function matchesLabels(selector: LabelSelector, labels: Readonly<Record<string, string>>): boolean {
  const value = (key: string): string | undefined => (Object.hasOwn(labels, key) ? labels[key] : undefined);
  const exact = Object.entries(selector.matchLabels).every(([key, wanted]) => value(key) === wanted);
  return (
    exact &&
    selector.matchExpressions.every(({ key, operator, values }) => {
      const found = value(key);
      switch (operator) {
        case 'In':
          return found !== undefined && values.includes(found);
        case 'NotIn':
          return found === undefined || !values.includes(found);
        case 'Exists':
          return found !== undefined;
        case 'DoesNotExist':
          return found === undefined;
      }
    })
  );
}
