/** What names in Tasks and Agents may look like. */
import type { TextRule } from '../workflow/fields.ts';

/** RFC 1123 subdomain, as Kubernetes reads it. */
export const objectName: TextRule = {
  maxLength: 253,
  pattern: /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/,
  expected: 'the name of an object: lower-case letters, digits, "-" and "."',
};

/** Of a ConfigMap or Secret. */
export const dataKey: TextRule = {
  maxLength: 253,
  pattern: /^(?!\.\.)[A-Za-z0-9._-]+$/,
  expected: 'a key: letters, digits, "-", "_" and ".", and not ".." at its start',
};

export const variableName: TextRule = {
  maxLength: 253,
  pattern: /^[A-Za-z_][A-Za-z0-9_.-]*$/,
  expected: 'the name of a variable: letters, digits, "_", "-" and ".", and no digit at its start',
};

/** Where it may not be is said by who lays out the workspace. */
export const path: TextRule = {
  maxLength: 4096,
  pattern: /^[^\p{Cc}\p{Cs}]+$/u,
  expected: 'a path of at most 4096 characters, without control characters',
};

export const address: TextRule = {
  maxLength: 8192,
  pattern: /^[^\p{Cc}\p{Cs}]+$/u,
  expected: 'at most 8192 characters, without control characters',
};

/** Whether it is an image is found out when it is proven. */
export const image: TextRule = {
  maxLength: 1024,
  pattern: /^[^\s\p{Cc}\p{Cf}\p{Cs}]+$/u,
  expected: 'an image, such as quay.io/org/agent:v1.0',
};

export const gitRef: TextRule = {
  maxLength: 1024,
  pattern: /^[^\p{Cc}\p{Cs}]+$/u,
  expected: 'a branch, a tag or a commit',
};

export const shortText: TextRule = { maxLength: 253, expected: 'at most 253 characters' };
/** The API server takes no object that is much larger. */
export const longText: TextRule = { maxLength: 2 ** 22, expected: 'text' };

// RFC 9110 §5
export const headerName: TextRule = {
  maxLength: 256,
  pattern: /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/,
  expected: 'the name of a header, such as Accept',
};
export const headerValue: TextRule = {
  maxLength: 4096,
  pattern: /^[\t\x20-\x7e\u0080-\u00ff]*$/,
  expected: 'at most 4096 characters on one line',
};
